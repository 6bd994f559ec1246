{
  _config+:: {
    // Where people reach the daemon: links in alerts and dashboards begin with it.
    externalUrl: 'http://127.0.0.1:9877',
    // Where runbooks are; a slash and the alert's name follow. The daemon serves them.
    runbooks: std.rstripChars(self.externalUrl, '/') + '/runbooks',
    // What the scrape job is called: a target that never answered is recognised by it.
    jobSelector: 'job=~".*lightning-sync.*"',
    // More labels of every alert.
    alertLabels: {},
    // Names of alerts that are left out.
    excludedAlerts: [],
    // How many alerts a group may have that records nothing; Mimir takes 20 by default. 0 is any number.
    maxAlertsPerGroup: 0,

    dashboardNamePrefix: 'Lightning Sync / ',
    dashboardTags: ['lightning-sync'],
    dashboardPeriod: 'now-24h',
    dashboardRefresh: '1m',
    dashboardTimezone: 'browser',
    // Which Prometheus data sources can be chosen, as a regular expression; empty is all.
    datasourceFilterRegex: '',
  },
}
