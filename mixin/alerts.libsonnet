// The shipped rules (rules.json is generated) with what the configuration says in them.
local shipped = import 'rules.json';
local externalUrl = 'http://127.0.0.1:9877';
local jobSelector = 'job=~".*lightning-sync.*"';

{
  local config = $._config,

  local linked(text) =
    std.strReplace(
      std.strReplace(text, externalUrl + '/runbooks', std.rstripChars(config.runbooks, '/')),
      externalUrl,
      std.rstripChars(config.externalUrl, '/')
    ),

  local ofAlert(rule) = rule {
    expr: std.strReplace(super.expr, jobSelector, config.jobSelector),
    annotations: std.mapWithKey(function(_, text) linked(text), super.annotations),
    [if std.length(config.alertLabels) > 0 then 'labels']+: config.alertLabels,
  },

  local configured(group) = group {
    rules: [
      if std.objectHas(rule, 'alert') then ofAlert(rule) else rule
      for rule in super.rules
      if !std.objectHas(rule, 'alert') || !std.member(config.excludedAlerts, rule.alert)
    ],
  },

  // What reads what a group recorded stays in that group: rules are evaluated in order there. Others can be apart.
  local parts(group) =
    local size = config.maxAlertsPerGroup;
    local count = std.length(group.rules);
    if size == 0 || count <= size || std.length([rule for rule in group.rules if std.objectHas(rule, 'record')]) > 0 then [group]
    else [
      group {
        name: '%s-%d' % [group.name, part + 1],
        rules: group.rules[part * size:std.min(count, (part + 1) * size)],
      }
      for part in std.range(0, std.ceil(count / size) - 1)
    ],

  prometheusAlerts+:: {
    groups+: std.flatMap(function(group) parts(configured(group)), shipped.groups),
  },
}
