"""Turns the chart of a release into what podman takes of Kubernetes' documents, and into what a Prometheus without an
operator takes of the operator's.

    kube.py CHART DIRECTORY    CHART is the archive; writes claim.yaml, pod.yaml, rules.yaml, prometheus.yml and facts

Of Kubernetes' documents podman 4.3 plays these. What is changed for it, and nothing else:

- Of the StatefulSet its template, as the pod that the set's first one would be, and the template of the claim, as that
  pod's claim.
- Without annotations: podman takes 63 characters in one, and a checksum has 64.
- Without probes: podman would ask with a curl within the container. They are in `facts`, and asked from outside.
- Without resources: a machine within a machine may have no controllers to limit with.
- A secret's volume says that it is not optional, which is the default; podman crashes where it is not said.
- Its defaultMode and the pod's fsGroup are in `facts`: podman writes files for everybody and of the first group.

Service, ServiceAccount and NetworkPolicy are not played. The port that the Service leads to is what is scraped.
"""

import json
import pathlib
import shlex
import sys

import helm_python as helm
import yaml

VALUES = {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}, "dashboards": {"enabled": True}}


def rendered(chart):
    documents = {}
    with helm.Chart.load(chart) as chart:
        for name, text in chart.render(VALUES, name="sync", namespace="monitoring").items():
            if not name.endswith("NOTES.txt"):
                for document in filter(None, yaml.safe_load_all(text)):
                    documents.setdefault(document["kind"], []).append(document)
    return documents


def only(items):
    (item,) = items
    return item


def main(chart, directory):
    directory = pathlib.Path(directory)
    documents = rendered(chart)

    def write(name, *values):
        (directory / name).write_text(yaml.safe_dump_all(values, sort_keys=False))

    of_set = only(documents["StatefulSet"])
    spec, name = of_set["spec"], of_set["metadata"]["name"] + "-0"
    pod = spec["template"]["spec"]
    container = only(pod["containers"])
    template = only(spec["volumeClaimTemplates"])
    claim = f"{template['metadata']['name']}-{name}"
    pod["volumes"].append({"name": template["metadata"]["name"], "persistentVolumeClaim": {"claimName": claim}})
    secret = only(volume["secret"] for volume in pod["volumes"] if "secret" in volume)
    secret["optional"] = False
    probes = {kind: container.pop(f"{kind}Probe") for kind in ("liveness", "readiness")}
    del container["resources"]
    metadata = {"name": name, "labels": spec["template"]["metadata"]["labels"]}
    write("claim.yaml", {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": claim}, "spec": template["spec"]})
    config = only(document for document in documents["ConfigMap"] if "config.yaml" in document["data"])
    write("pod.yaml", config, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod})

    # The operator's: a job with the service's name, its endpoint's port, a pod's address.
    service, monitor = only(documents["Service"]), only(documents["ServiceMonitor"])["spec"]
    endpoint = only(monitor["endpoints"])
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert service["spec"]["selector"].items() <= metadata["labels"].items()
    target = only(port["targetPort"] for port in service["spec"]["ports"] if port["name"] == endpoint["port"])
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    rule = only(documents["PrometheusRule"])["spec"]
    write("rules.yaml", rule)
    write("prometheus.yml", {
        "rule_files": ["/etc/prometheus/rules.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": ["ALERTMANAGER:9093"]}]}]},
        "scrape_configs": [{
            "job_name": service["metadata"]["name"], "scrape_interval": endpoint["interval"], "sample_limit": monitor["sampleLimit"],
            "static_configs": [{"targets": [f"POD:{ports[target]}"], "labels": {
                "namespace": "monitoring", "service": service["metadata"]["name"], "endpoint": endpoint["port"], "pod": name,
                "container": container["name"]}}]}]})

    # The question of a panel, as it is before anything is chosen at the top.
    dashboard = only(text for document in documents["ConfigMap"] for file, text in document["data"].items() if file.endswith("organisation.json"))
    query = only(target["expr"] for panel in json.loads(dashboard)["panels"] if panel["type"] == "timeseries"
                 for target in panel.get("targets", []) if "records_synced_24h" in target["expr"])
    facts = {
        "pod": name, "claim": claim, "image": container["image"], "secret": secret["secretName"], "mode": f"{secret['defaultMode']:o}",
        "group": pod["securityContext"]["fsGroup"], "port": ports["http"],
        "query": query.replace("$job", ".+").replace("$instance", ".+").replace("$org", "acme"),
        "user": f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}",
        "grace": pod["terminationGracePeriodSeconds"],
    }
    for kind, probe in probes.items():
        facts[kind] = probe["httpGet"]["path"]
        facts[f"{kind}_port"] = ports[probe["httpGet"]["port"]]
        # Kubernetes' default.
        facts[f"{kind}_seconds"] = probe.get("timeoutSeconds", 1)
    (directory / "facts").write_text("".join(f"{key}={shlex.quote(str(value))}\n" for key, value in facts.items()))


main(*sys.argv[1:])
