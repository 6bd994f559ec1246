"""Renders the chart as operators would choose it, and holds what comes out against Kubernetes' own schemas, those of
the Prometheus operator's resources, and the daemon's check of its configuration.

    chart.py CHART DAEMON RULE BEFORE VERSION...
                        prints a line for each choice; RULE is a PrometheusRule that is shipped by itself, BEFORE the values
                        of the chart before this one; the rules of the chart's go to rules.out.yaml
"""

import copy
import json
import pathlib
import re
import subprocess
import sys

import helm_python as helm
import jsonschema
import kubernetes_validate
import yaml

CRDS = jsonschema.Draft7Validator(json.loads(pathlib.Path(__file__).with_name("crds.json").read_text()))
SECRETS = "/etc/lightning-sync/secrets/"
SALESFORCE = {"store": {"path": "/var/lib/lightning-sync/lightning-sync.db"}, "orgs": [{
    "name": "acme", "salesforce": {
        "my_domain": "https://acme.my.salesforce.com",
        "auth": {"client_credentials": {"client_id": "3MVG9", "client_secret_file": SECRETS + "acme.secret"}}}}]}
TOKENLESS = {"store": {"path": "/var/lib/lightning-sync/lightning-sync.db"}, "orgs": [{"name": "acme"}]}
EXCHANGE = {"store": {"path": "/var/lib/lightning-sync/lightning-sync.db"}, "orgs": [{
    "name": "acme", "exchange": {
        "ews_url": "https://mail.acme.example/EWS/Exchange.asmx", "mailboxes": ["ann@acme.example"],
        "auth": {"basic": {"username": "svc", "password_file": SECRETS + "acme.exchange"}}}}]}
FROM = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]
OUT = [{"ports": [{"protocol": "TCP", "port": 443}]}, {"ports": [{"protocol": "UDP", "port": 53}]}]

CHOICES = {
    "default": {},
    "monitored": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    },
    "guarded": {
        "web": {"existingSecret": "web"},
        "serviceMonitor": {"enabled": True, "endpoint": {"scheme": "https", "tlsConfig": {"serverName": "exporter"}}},
        "networkPolicy": {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]},
    },
    "asking": {"config": SALESFORCE, "networkPolicy": {"egress": OUT}},
    "open": {"networkPolicy": {"enabled": False}, "existingSecret": "", "config": TOKENLESS, "persistence": {"storageClass": "fast"},
             "podLabels": {"team": "crm"}, "podAnnotations": {"a": "b"}, "nodeSelector": {"disk": "ssd"},
             "tolerations": [{"operator": "Exists"}], "imagePullSecrets": [{"name": "pull"}], "extraArgs": ["--log.format=json"]},
    "probing": {"config": EXCHANGE, "networkPolicy": {"egress": OUT}, "extraVolumes": [{"name": "logs", "nfs": {"server": "ex01", "path": "/logs"}}],
                "extraVolumeMounts": [{"name": "logs", "mountPath": "/logs", "readOnly": True}]},
    "drawn": {"dashboards": {"enabled": True, "annotations": {"grafana_folder": "Sync"}, "namespace": "grafana"}},
    "ingress": {"ingress": {"enabled": True, "className": "nginx", "host": "sync.example", "tlsSecret": "sync-tls", "annotations": {"a": "b"}},
                "networkPolicy": {"from": FROM}},
    "gateway": {"httpRoute": {"enabled": True, "parentRefs": [{"name": "gateway", "namespace": "infra"}], "hostnames": ["sync.example"]},
                "networkPolicy": {"from": FROM}},
    "scraped": {"serviceMonitor": {"enabled": True, "scrapeTimeout": "20s",
                                   "relabelings": [{"targetLabel": "cluster", "replacement": "one"}],
                                   "metricRelabelings": [{"sourceLabels": ["__name__"], "regex": "process_.*", "action": "drop"}]},
                "prometheusRule": {"enabled": True, "extraRules": [{"alert": "Ours", "expr": "vector(1)", "for": "5m"}]}},
    "placed": {"priorityClassName": "high", "persistence": {"existingClaim": "old"}, "podSecurityContext": {"fsGroup": 1000},
               "securityContext": {"readOnlyRootFilesystem": False},
               "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}]},
}
# What an upgrade must leave as it is: Kubernetes refuses another, or the database would be lost.
IMMUTABLE = {
    "serviceName": "sync-lightning-sync-exporter",
    "selector": {"matchLabels": {"app.kubernetes.io/name": "lightning-sync-exporter", "app.kubernetes.io/instance": "sync"}},
    "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}}],
}
# Values that render to what cannot work, and the word of the chart's complaint.
BROKEN = [({"existingSecret": ""}, "existingSecret"), ({"config": SALESFORCE}, "networkPolicy.egress"),
          ({"config": EXCHANGE}, "networkPolicy.egress"), ({"ingress": {"enabled": True}}, "ingress.host"),
          ({"httpRoute": {"enabled": True}}, "httpRoute.parentRefs"),
          ({"ingress": {"enabled": True, "host": "sync.example"}}, "networkPolicy.from")]
# Values that nobody should be able to install.
WRONG = [{"confgi": {}}, {"config": {"store": {}, "orgs": []}}, {"service": {"port": "http"}}, {"image": {"tag": 1}},
         {"config": {**TOKENLESS, "orgs": [{"name": "acme", "fresh_witin": "15m"}]}}, {"config": {**TOKENLESS, "orgs": [{"name": "Acme"}]}},
         {"serviceMonitor": {"interval": "30 s"}}, {"serviceMonitor": {"endpoint": {"interval": "30s"}}},
         {"serviceMonitor": {"relabelings": [{"target_label": "cluster"}]}}, {"prometheusRule": {"extraRules": [{"alert": "Ours", "record": "ours", "expr": "1"}]}},
         {"prometheusRule": {"runbooks": "wiki"}}, {"dashboards": {"labels": {"grafana_dashboard": 1}}}, {"httpRoute": {"parentRefs": ["gateway"]}},
         {"persistence": {"size": "10 GB"}}]


def documents(chart, values):
    rendered = chart.render(values, name="sync", namespace="monitoring")
    for name, text in sorted(rendered.items()):
        if name.endswith("NOTES.txt"):
            continue
        yield from ((name, document) for document in yaml.safe_load_all(text) if document)


def check_pod(pod, values):
    container = pod["containers"][0]
    assert pod["securityContext"] == {
        "runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"}} | values.get("podSecurityContext", {})
    assert not pod["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    } | values.get("securityContext", {})
    claim = values.get("persistence", {}).get("existingClaim")
    volumes = {"data": None} | {volume["name"]: volume for volume in pod["volumes"]}
    assert not claim or volumes["data"]["persistentVolumeClaim"]["claimName"] == claim
    assert pod.get("priorityClassName") == values.get("priorityClassName")
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    # 0440 in octal: what the daemon takes for a secret's mode.
    assert all(v["secret"]["defaultMode"] == 288 for v in volumes.values() if v and "secret" in v)


def check_dashboard(document, values):
    assert document["metadata"]["namespace"] == "grafana" and document["metadata"]["labels"]["grafana_dashboard"] == "1"
    (name, text), = document["data"].items()
    assert json.loads(text)["title"] and name.startswith("lightning-sync-") and len(text) < 1 << 20


def check_route(document):
    """By the reference of the Gateway API: what is required, and of which kind."""
    spec = document["spec"]
    assert set(spec) == {"parentRefs", "hostnames", "rules"}, spec
    assert all(set(ref) <= {"group", "kind", "namespace", "name", "sectionName", "port"} and ref["name"] for ref in spec["parentRefs"])
    (rule,) = spec["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
    assert rule["backendRefs"] == [{"name": "sync-lightning-sync-exporter", "port": 9877}]


def check_crd(document):
    mistakes = [f"{list(error.absolute_path)}: {error.message[:200]}" for error in CRDS.iter_errors(document)]
    assert not mistakes, mistakes


def check_crds_schema(document):
    """What is checked with the schema would not pass with a mistake in it."""
    monitor = document["kind"] == "ServiceMonitor"
    wrong = [("spec", "selectors", {}), ("metadata", "label", {})]
    wrong += [("endpoint", "intervall", "30s"), ("endpoint", "interval", "30 s")] if monitor else [("rule", "expresion", "1"), ("rule", "for", "5min")]
    for where, key, value in wrong:
        broken = copy.deepcopy(document)
        spec = broken["spec"]
        place = {"spec": spec, "metadata": broken["metadata"], "endpoint": spec.get("endpoints", [{}])[0],
                 "rule": spec.get("groups", [{"rules": [{}]}])[0]["rules"][0]}[where]
        place[key] = value
        assert not CRDS.is_valid(broken), f"{where}.{key} should be refused"


def check_config(choice, config, pod, daemon):
    """The daemon takes the rendered configuration when it finds the secrets that the pod mounts."""
    root = pathlib.Path(choice).absolute()
    (root / "secrets").mkdir(parents=True)
    mounts = {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    text = config["data"]["config.yaml"]
    if SECRETS.rstrip("/") in mounts:
        for name in re.findall(re.escape(SECRETS) + r"([\w.-]+)", text):
            secret = root / "secrets" / name
            secret.write_text("0123456789abcdef" * 4)
            secret.chmod(0o440)
    text = text.replace(SECRETS, f"{root}/secrets/").replace("/var/lib/lightning-sync", str(root))
    (root / "config.yaml").write_text(text)
    checked = subprocess.run([daemon, "--config.check", f"--config.file={root}/config.yaml"], capture_output=True, text=True)
    assert checked.returncode == 0, f"{choice}: {checked.stderr}"


def main(path, daemon, rule, before, *versions):
    rule = yaml.safe_load(pathlib.Path(rule).read_text())
    check_crd(rule)
    check_crds_schema(rule)
    findings = helm.lint(path)
    assert not findings["errors"], findings
    assert all("icon" in message["error"] for message in findings["messages"]), findings
    with helm.Chart.load(path) as chart:
        for choice, values in CHOICES.items():
            kinds = []
            labels = selector = pod = config = None
            for name, document in documents(chart, values):
                kinds.append(document["kind"])
                if document["apiVersion"] == "monitoring.coreos.com/v1":
                    assert document["metadata"]["labels"]["app.kubernetes.io/name"] == "lightning-sync-exporter"
                    check_crd(document)
                    check_crds_schema(document)
                elif document["kind"] == "HTTPRoute":
                    check_route(document)
                else:
                    for version in versions:
                        kubernetes_validate.validate(document, version, strict=True)
                if document["kind"] == "StatefulSet":
                    pod = document["spec"]["template"]["spec"]
                    check_pod(pod, values)
                if document["kind"] == "ConfigMap" and "config.yaml" in document["data"]:
                    config = document
                elif document["kind"] == "ConfigMap":
                    check_dashboard(document, values)
                if document["kind"] == "Service":
                    labels, ports = document["metadata"]["labels"], [port["name"] for port in document["spec"]["ports"]]
                if document["kind"] == "ServiceMonitor":
                    assert document["spec"]["sampleLimit"] == 200000, document["spec"]
                    selector, endpoint = document["spec"]["selector"]["matchLabels"], document["spec"]["endpoints"][0]
                    for key, value in values["serviceMonitor"].items():
                        assert key in ("enabled", "labels", "endpoint") or endpoint[key] == value, (key, endpoint)
                if document["kind"] == "PrometheusRule":
                    extra = values["prometheusRule"].get("extraRules")
                    assert not extra or document["spec"]["groups"][-1] == {"name": "lightning-sync-extra", "rules": extra}
                    pathlib.Path("rules.out.yaml").write_text(yaml.safe_dump(document["spec"]))
            if selector:
                assert selector.items() <= labels.items() and endpoint["port"] in ports
            check_config(choice, config, pod, daemon)
            print(f"{choice}: {' '.join(kinds)}")
        for values in ({}, yaml.safe_load(pathlib.Path(before).read_text())):
            chart.validate_schema(values)
            sets = [document for _, document in documents(chart, values) if document["kind"] == "StatefulSet"]
            assert {key: sets[0]["spec"][key] for key in IMMUTABLE} == IMMUTABLE, sets[0]["spec"]
        print("upgraded: 1")
        # A number with seven digits is no power of ten; 0 is no limit.
        for limit in (1, 999999, 2000000, 12345678, 0):
            monitored = {"serviceMonitor": {"enabled": True, "sampleLimit": limit}}
            specs = [document["spec"] for _, document in documents(chart, monitored) if document["kind"] == "ServiceMonitor"]
            shown = specs[0].get("sampleLimit", 0)
            assert isinstance(shown, int) and shown == limit, specs
        for values, complaint in BROKEN:
            try:
                list(documents(chart, values))
            except helm.HelmError as error:
                assert complaint in str(error), error
                continue
            raise AssertionError(f"{values} should not render")
        print(f"not rendered: {len(BROKEN)}")
        url = "https://sync.example"
        linked = [{"prometheusRule": {"enabled": True, "externalUrl": url + "/"}},
                  {"prometheusRule": {"enabled": True}, "config": {**TOKENLESS, "web": {"external_url": url}}},
                  {"prometheusRule": {"enabled": True}, **CHOICES["ingress"]}]
        for values in linked:
            rules = [rule for _, document in documents(chart, values) if document["kind"] == "PrometheusRule"
                     for group in document["spec"]["groups"] for rule in group["rules"] if "alert" in rule]
            assert rules and all(rule["annotations"]["runbook_url"] == f"{url}/runbooks/{rule['alert']}" for rule in rules)
            assert all("127.0.0.1" not in text for rule in rules for text in rule["annotations"].values())
            drawn = {**values, "dashboards": {"enabled": True}}
            pages = [choice for _, document in documents(chart, drawn) for name, text in document.get("data", {}).items() if name.endswith(".json")
                     for choice in json.loads(text)["templating"]["list"] if choice["name"] == "pages"]
            assert len(pages) == 3 and all(page["query"] == page["current"]["value"] == url for page in pages), pages
        own = {"prometheusRule": {"enabled": True, "runbooks": "https://wiki.example/sync/", "externalUrl": url}}
        rules = next(document for _, document in documents(chart, own) if document["kind"] == "PrometheusRule")
        alerts = [rule for group in rules["spec"]["groups"] for rule in group["rules"] if "alert" in rule]
        assert all(rule["annotations"]["runbook_url"] == f"https://wiki.example/sync/{rule['alert']}" for rule in alerts)
        assert all(url + "/" in rule["annotations"]["page_url"] for rule in alerts)
        print(f"linked: {len(linked)}")
        notes = {kind: "".join(text for name, text in chart.render(values, name="sync", namespace="monitoring").items()
                               if name.endswith("NOTES.txt"))
                 for kind, values in (("monitored", CHOICES["monitored"]), ("guarded", CHOICES["guarded"]))}
        print("notes on who may scrape:", *(kind for kind, text in notes.items() if "networkPolicy.from" in text))
        for values in WRONG:
            try:
                chart.validate_schema(values)
            except helm.HelmError:
                continue
            raise AssertionError(f"{values} should be refused")
        print(f"refused: {len(WRONG)}")


main(*sys.argv[1:])
