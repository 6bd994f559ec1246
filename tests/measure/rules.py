#!/usr/bin/env python3
"""What the rules cost Prometheus: 1,000 organisations in one of these states.

    healthy     nothing is found
    broken      everything is wrong, the service account too, as the daemon reports it: the cause holds back its consequences
    failing     everything but that is wrong, and syncs are just in time: the most alerts that the daemon reports at once
    everything  every finding at once, which the daemon never reports

    tests/measure/rules.py [--state healthy] [--orgs 1000] [--rules alerts/lightning-sync.rules.yaml] [--seconds 180]

Pages of the second and third are beside this file; a test makes them with the daemon's own judgement. Starts a real Prometheus for each state, with four hours of the rules' own past in it, lets it scrape a page of that many
organisations and evaluate the rules as often as they ask for, and prints the processor time of an evaluation (with the rules, less
the same time without them) and the memory.

    tests/measure/rules.py --page metrics.prom --rules rules.yaml [--orgs 1000]

The same with any exporter's page and its rules, to compare versions: every organisation of the page stands there so often
that there are as many as wanted, its times moved to now.
"""

import argparse
import http.server
import json
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CRITICAL = {"service_account_missing", "service_account_not_recognized", "no_linked_users", "observations_stale",
            "nothing_in_24_hours", "no_sync_in_24_hours", "never_synced", "canary_late", "exchange_sign_in_refused",
            "exchange_unreachable", "exchange_account_refused", "exchange_ews_off", "exchange_impersonation_refused"}
INFO = {"outlook_integration_disabled", "delayed", "nothing_in_60_minutes", "users_sync_nothing"}
OF_ORG = ["service_account_missing", "service_account_not_recognized", "no_linked_users", "linked_users_unexpected",
          "outlook_integration_disabled", "retirement_near", "poll_failing", "salesforce_api_budget_low"]
OF_OBJECT = ["no_sync_in_24_hours", "never_synced", "delayed", "nothing_in_24_hours", "nothing_in_60_minutes", "observations_stale"]
OF_USERS = [("users_failing", "", check) for check in ("active_configuration", "mailbox_version", "service_account")]
OF_USERS += [("users_failing", kind, f"{kind}_{what}") for kind in ("contacts", "events") for what in ("folder", "linked")]
OF_USERS += [("initial_sync_stuck", kind, f"{kind}_{way}") for kind in ("contacts", "events") for way in ("to_exchange", "to_salesforce")]
OF_USERS += [("users_sync_nothing", "", "active_configuration"), ("reset_stuck", "", "reset")]
OF_USERS += [("canary_late", kind, f"{kind}_{way}") for kind in ("contacts", "events") for way in ("to_exchange", "to_salesforce")]
OWN = ["ingest_rejected", "salesforce_usage_unknown"]


def alerted(level):
    """The causes that the shipped alerts select from what is recorded of organisations or of exporters: none can be missed here."""
    text = (ROOT / "alerts/lightning-sync.rules.yaml").read_text()
    return re.findall(rf'expr: (?:min by \([^)]*\) \()?{level}:lightning_sync_finding:since{{cause="(\w+)"}}', text)


def subjects():
    """(metric, cause, the worst severity, object type, check)."""
    plain = "lightning_sync_finding_since_timestamp_seconds"
    listed = {*OF_ORG, *OF_OBJECT, *OWN, *(cause for cause, _, _ in OF_USERS)}
    of_org = OF_ORG + [cause for cause in alerted("org") if cause not in listed]
    all_of = [(cause, "", "") for cause in of_org] + [(cause, kind, "") for cause in OF_OBJECT for kind in ("contacts", "events")]
    for cause, kind, check in all_of + OF_USERS:
        severity = "critical" if cause in CRITICAL else "info" if cause in INFO else "warning"
        yield plain, cause, severity, kind, check
    for cause in OWN:
        yield "lightning_sync_exporter_finding_since_timestamp_seconds", cause, "warning", "", ""


def page(orgs, state, begun):
    """What an exporter of that many organisations says that the rules and their texts read."""
    now = time.time()
    since = begun - 3600
    lines = [f"lightning_sync_exporter_view_timestamp_seconds {now}"]
    holds = lambda cause: state == "everything"
    found = [f'{metric}{{org="%s",cause="{cause}",severity="{severity * holds(cause)}",object_type="{kind}",check="{check}"}} {since * holds(cause)}'
             for metric, cause, severity, kind, check in subjects()]
    found += [f'lightning_sync_users_failing{{org="%s",check="{check}"}} {3 * holds(cause)}' for cause, _, check in OF_USERS if cause == "users_failing"]
    found += [f'lightning_sync_linked_users{{org="%s"}} {40 - 3 * holds("linked_users_unexpected")}', 'lightning_sync_expected_linked_users{org="%s"} 40',
              f'lightning_sync_poll_success{{org="%s",source="salesforce"}} {1 - holds("poll_failing")}']
    if holds("store_failing"):
        lines += [f'lightning_sync_exporter_finding_since_timestamp_seconds{{cause="{cause}",severity="warning"}} {since}'
                  for cause in alerted("instance") if cause not in OWN]
        lines.append(f"lightning_sync_exporter_web_certificate_not_after_timestamp_seconds {now + 864000:.0f}")
        found.append(f'lightning_sync_exchange_certificate_not_after_timestamp_seconds{{org="%s"}} {now + 864000:.0f}')
        found.append('lightning_sync_exchange_log_sign_in_refused{org="%s",reason="locked_out"} 1')
    if holds("ingest_rejected"):
        lines.append(f'lightning_sync_exporter_finding_since_timestamp_seconds{{cause="ingest_rejected",severity="warning"}} {since}')
        lines.append('lightning_sync_exporter_ingest_rejected_total{reason="token"} 7')
        found.append('lightning_sync_exporter_ingest_rejected_total{org="%s",reason="too_large"} 7')
    for number in range(orgs):
        org = f"org-{number:05}"
        lines.append(f'lightning_sync_org_info{{org="{org}",product="lightning_sync",connection="service_account"}} 1')
        lines.append(f'lightning_sync_retirement_timestamp_seconds{{org="{org}"}} {now + 1e7:.0f}')
        lines.append(f'lightning_sync_utc_offset_seconds{{org="{org}"}} 3600')
        for kind in ("contacts", "events"):
            at = since if holds("no_sync_in_24_hours") else now + 86000
            lines.append(f'lightning_sync_last_sync_deadline_timestamp_seconds{{org="{org}",object_type="{kind}"}} {at}')
        lines.extend(line % org for line in found)
    return ("\n".join(lines) + "\n").encode()


def multiplied(text, orgs, begun, view="lightning_sync_exporter_view_timestamp_seconds"):
    """A page with as many organisations, its times moved to `begun`, read at this moment."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    names = sorted({name for line in lines for name in re.findall(r'[{,]org="([^"]+)"', line)})
    ahead = begun - next(float(line.split()[-1]) for line in lines if line.startswith(view + " "))
    out = []
    for line in lines:
        series, value = line.rsplit(" ", 1)
        if series == view:
            value = time.time()
        elif series.split("{")[0].endswith("_timestamp_seconds") and float(value) not in (0, float("inf")):
            value = float(value) + ahead
        found = re.search(r'[{,]org="([^"]+)"', series)
        copies = range(orgs // len(names)) if found else [None]
        out += [f"{series.replace(found.group(), found.group()[:-1] + f'-{copy}' + chr(34)) if found else series} {value}" for copy in copies]
    return ("\n".join(out) + "\n").encode()


def past(text, target, file):
    """Four hours of what the rules wrote about what is on a page, so that what they read of their own past is there."""
    end = int(time.time()) - 30
    times = range(end - 4 * 3600, end, 60)
    watched = ("lightning_sync_org_info{", "lightning_sync_last_sync_deadline_timestamp_seconds{")
    about = {"instance:lightning_sync_org:watched": [], "instance:lightning_sync_finding:since": []}
    for line in text.decode().splitlines():
        series, value = line.rsplit(" ", 1)
        labels = [f'{name}="{given}"' for name, given in re.findall(r'(org|cause|severity|object_type|check)="([^"]+)"', series)]
        labels = ",".join(['job="lightning-sync"', f'instance="{target}"', *labels])
        if line.startswith(watched):
            about["instance:lightning_sync_org:watched"].append((labels, 1.9e9))
        elif "finding_since_timestamp_seconds{" in line and float(value) > 0:
            about["instance:lightning_sync_finding:since"].append((labels, value))
    for name, found in about.items():
        file.write(f"# TYPE {name} gauge\n")
        for labels, value in found:
            file.writelines(f"{name}{{{labels}}} {value} {at}\n" for at in times)
    file.write("# EOF\n")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def query(port, expression):
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    result = json.load(urllib.request.urlopen(url))["data"]["result"]
    return float(result[0]["value"][1]) if result else 0.0


def measure(options, rules, data, target):
    """Processor seconds in a span of time, bytes resident, seconds of the last evaluation, alerts."""
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        if data and rules:
            shutil.copytree(data, directory / "data")
        port = free_port()
        config = directory / "prometheus.yml"
        config.write_text("global: {scrape_interval: 15s, evaluation_interval: 15s}\n"
                          + (f"rule_files: ['{rules}']\n" if rules else "")
                          + f"scrape_configs: [{{job_name: lightning-sync, static_configs: [{{targets: ['{target}']}}]}}]\n")
        process = subprocess.Popen(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory / 'data'}",
                                    f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            # What comes once, such as reading the blocks and making the series, is over by then.
            time.sleep(130)
            cpu = lambda: sum(int(part) for part in Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]) / 100
            before, resident = cpu(), 0
            for _ in range(options.seconds // 5):
                time.sleep(5)
                status = Path(f"/proc/{process.pid}/status").read_text()
                resident = max(resident, int(status.split("VmRSS:")[1].split()[0]) * 1024)
            used = cpu() - before
            url = f"http://127.0.0.1:{port}/metrics"
            text = urllib.request.urlopen(url).read().decode()
            last = [float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("prometheus_rule_group_last_duration_seconds{")]
            series = [float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("prometheus_tsdb_head_series ")]
            heap = [float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("go_memstats_heap_inuse_bytes ")]
            url = f"http://127.0.0.1:{port}/api/v1/alerts"
            alerts = len(json.load(urllib.request.urlopen(url))["data"]["alerts"])
            return used, resident, last, series[0], heap[0], alerts
        finally:
            process.kill()
            process.wait()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--orgs", type=int, default=1000)
    arguments.add_argument("--rules", type=Path, default=ROOT / "alerts/lightning-sync.rules.yaml")
    arguments.add_argument("--seconds", type=int, default=180)
    arguments.add_argument("--state", choices=["healthy", "broken", "failing", "everything"])
    arguments.add_argument("--page", type=Path, help="serve this page instead")
    options = arguments.parse_args()
    for state in ["as on the page"] if options.page else [options.state] if options.state else ["healthy", "broken", "failing"]:
        begun = time.time()
        given = options.page or (ROOT / f"tests/measure/{state}.prom" if state in ("broken", "failing") else None)
        body_now = lambda: multiplied(given.read_text(), options.orgs, begun) if given else page(options.orgs, state, begun)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = body_now()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", free_port()), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        target = f"127.0.0.1:{server.server_port}"
        with tempfile.TemporaryDirectory() as directory:
            directory = Path(directory)
            data = directory / "data"
            with open(directory / "past.om", "w") as file:
                past(body_now(), target, file)
            subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", directory / "past.om", data],
                           check=True, stdout=subprocess.DEVNULL)
            (directory / "past.om").unlink()
            bare = measure(options, None, None, target)
            used, resident, last, series, heap, alerts = measure(options, options.rules.resolve(), data, target)
        cost = (used - bare[0]) / options.seconds
        print(f"{options.orgs} organisations, {state}: the rules take {cost:.2%} of a core, {cost * 15:.3f} s in 15 s; the group's "
              f"last took {', '.join(f'{one:.2f}' for one in last)} s of the clock; {alerts} alerts; {resident / 2**20:.0f} MiB resident, {heap / 2**20:.0f} MiB of heap, "
              f"{series:.0f} series (without rules: {bare[1] / 2**20:.0f} MiB, {bare[4] / 2**20:.0f} MiB, {bare[3]:.0f})", flush=True)
        server.shutdown()


if __name__ == "__main__":
    main()
