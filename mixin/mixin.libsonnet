// Rules and dashboards as a mixin: (import 'mixin.libsonnet') { _config+:: { externalUrl: 'https://sync.example' } }
(import 'config.libsonnet') + (import 'alerts.libsonnet') + (import 'rules.libsonnet') + (import 'dashboards.libsonnet')
