// What is recorded stands before the alerts that read it, in their group of prometheusAlerts: Prometheus evaluates groups
// at the same time, and an alert of another group would see what was recorded a minute ago.
{
  prometheusRules+:: { groups+: [] },
}
