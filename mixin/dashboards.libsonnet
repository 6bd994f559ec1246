// The shipped dashboards (dashboards/*.json are generated) with what the configuration says in them.
local shipped = {
  exporter: import 'dashboards/exporter.json',
  fleet: import 'dashboards/fleet.json',
  organisation: import 'dashboards/organisation.json',
};

{
  local config = $._config,

  local ofChoice(choice) =
    local address = std.rstripChars(config.externalUrl, '/');
    local chosen = { text: address, value: address };
    if choice.name == 'pages' then choice { query: address, current+: chosen, options: [super.options[0] + chosen] }
    else if choice.type == 'datasource' then choice { regex: config.datasourceFilterRegex }
    else choice,

  grafanaDashboards+:: {
    ['lightning-sync-%s.json' % name]: shipped[name] {
      title: std.strReplace(super.title, 'Lightning Sync / ', config.dashboardNamePrefix),
      tags: config.dashboardTags,
      refresh: config.dashboardRefresh,
      timezone: config.dashboardTimezone,
      time+: { from: config.dashboardPeriod },
      templating+: { list: [ofChoice(choice) for choice in super.list] },
    }
    for name in std.objectFields(shipped)
  },
}
