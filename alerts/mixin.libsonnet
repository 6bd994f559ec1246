// The rules of lightning-sync.rules.yaml in the form of a mixin: its first group is evaluated in order.
// Set _config.externalUrl to where people reach the daemon: every alert links to its runbook and its page there.
{
  _config+:: { externalUrl: 'http://127.0.0.1:9877' },
  prometheusAlerts+:: std.parseJson(std.strReplace(importstr 'lightning-sync.rules.json', 'http://127.0.0.1:9877', $._config.externalUrl)),
}
