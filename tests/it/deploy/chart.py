"""Renders the chart as operators would choose it, and holds what comes out against Kubernetes' own schemas.

    chart.py CHART VERSION...    prints a line for each choice; the rules of the PrometheusRule go to rules.out.yaml
"""

import pathlib
import sys

import helm_python as helm
import kubernetes_validate
import yaml

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
    "open": {"networkPolicy": {"enabled": False}, "existingSecret": "", "persistence": {"storageClass": "fast"},
             "podLabels": {"team": "crm"}, "podAnnotations": {"a": "b"}, "nodeSelector": {"disk": "ssd"},
             "tolerations": [{"operator": "Exists"}], "imagePullSecrets": [{"name": "pull"}], "extraArgs": ["--log.format=json"]},
}
# Values that nobody should be able to install.
WRONG = [{"confgi": {}}, {"config": {"store": {}, "orgs": []}}, {"service": {"port": "http"}}, {"image": {"tag": 1}}]


def documents(chart, values):
    rendered = chart.render(values, name="sync", namespace="monitoring")
    for name, text in sorted(rendered.items()):
        yield from ((name, document) for document in yaml.safe_load_all(text) if document)


def check_pod(pod):
    container = pod["containers"][0]
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0
    assert not pod["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    volumes = {volume["name"]: volume for volume in pod["volumes"]} | {"data": None}
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    # 0440 in octal: what the daemon takes for a secret's mode.
    assert all(v["secret"]["defaultMode"] == 288 for v in volumes.values() if v and "secret" in v)


def main(path, *versions):
    findings = helm.lint(path)
    assert not findings["errors"], findings
    assert all("icon" in message["error"] for message in findings["messages"]), findings
    with helm.Chart.load(path) as chart:
        for choice, values in CHOICES.items():
            kinds = []
            labels = selector = None
            for name, document in documents(chart, values):
                kinds.append(document["kind"])
                if document["apiVersion"] == "monitoring.coreos.com/v1":
                    assert document["metadata"]["labels"]["app.kubernetes.io/name"] == "lightning-sync-exporter"
                else:
                    for version in versions:
                        kubernetes_validate.validate(document, version, strict=True)
                if document["kind"] == "StatefulSet":
                    check_pod(document["spec"]["template"]["spec"])
                if document["kind"] == "Service":
                    labels, ports = document["metadata"]["labels"], [port["name"] for port in document["spec"]["ports"]]
                if document["kind"] == "ServiceMonitor":
                    selector, endpoint = document["spec"]["selector"]["matchLabels"], document["spec"]["endpoints"][0]
                if document["kind"] == "PrometheusRule":
                    pathlib.Path("rules.out.yaml").write_text(yaml.safe_dump(document["spec"]))
            if selector:
                assert selector.items() <= labels.items() and endpoint["port"] in ports
            print(f"{choice}: {' '.join(kinds)}")
        for values in WRONG:
            try:
                chart.validate_schema(values)
            except helm.HelmError:
                continue
            raise AssertionError(f"{values} should be refused")
        print(f"refused: {len(WRONG)}")


main(*sys.argv[1:])
