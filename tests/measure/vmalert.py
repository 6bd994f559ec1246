#!/usr/bin/env python3
"""Whether vmalert fires the same alerts as Prometheus, with the same texts: both see the same exporter, which is healthy, then has every
finding at once, then is dead, then is back and healthy.

    tests/measure/vmalert.py        needs prometheus, victoria-metrics and vmalert
    tests/measure/vmalert.py --shipped

Everything is evaluated every five seconds, and `for` is ten; with --shipped both are as they are in the file, which takes 55
minutes. Seen with vmalert 1.79: the same labels and texts healthy, with every finding and with a dead exporter, evaluated every 15 s;
evaluated every minute, with every finding too, and those alerts go on when the exporter dies. With steps of two seconds on a loaded
machine some differed. A rule there sees what the rules before it recorded only in the next evaluation, so that its alerts come
and end some evaluations later: about ten.
"""

import collections
import http.server
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from rules import ROOT, free_port, page

ORGS = 3


def alerts(port):
    """Alerts that fire, with all that is sent of them."""
    answer = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/alerts", timeout=30))
    firing = [alert for alert in answer["data"]["alerts"] if alert["state"] == "firing"]
    # vmalert adds the group's name to the labels.
    plain = [{**alert, "labels": {key: text for key, text in alert["labels"].items() if key != "alertgroup"}} for alert in firing]
    return {json.dumps([alert["labels"], alert["annotations"]], sort_keys=True) for alert in plain}


def main():
    shipped = "--shipped" in sys.argv
    current = {"state": "healthy"}
    begun = time.time()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            dead = current["state"] == "dead"
            body = b"" if dead else page(ORGS, current["state"], begun)
            self.send_response(503 if dead else 200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        text = (ROOT / "alerts/lightning-sync.rules.yaml").read_text()
        rules = directory / "rules.yaml"
        quick = re.sub(r"for: \d+m", "for: 10s", re.sub(r"interval: \d+m", "interval: 5s", text))
        rules.write_text(text if shipped else quick)
        scrapes = f"scrape_configs: [{{job_name: lightning-sync, static_configs: [{{targets: ['127.0.0.1:{server.server_port}']}}]}}]\n"
        every = "scrape_interval: 5s, scrape_timeout: 2s"
        (directory / "scrape.yml").write_text(f"global: {{{every}}}\n" + scrapes)
        (directory / "prometheus.yml").write_text(f"global: {{{every}, evaluation_interval: 5s}}\nrule_files: ['{rules}']\n" + scrapes)
        prometheus, metrics, alert, nobody = (free_port() for _ in range(4))
        url = f"http://127.0.0.1:{metrics}"
        run = lambda *words: subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=open(directory / "log", "a"))
        processes = [
            run("prometheus", f"--config.file={directory / 'prometheus.yml'}", f"--storage.tsdb.path={directory / 'prometheus'}",
                f"--web.listen-address=127.0.0.1:{prometheus}"),
            run("victoria-metrics", f"-storageDataPath={directory / 'metrics'}", f"-httpListenAddr=127.0.0.1:{metrics}",
                f"-promscrape.config={directory / 'scrape.yml'}", "-search.latencyOffset=0s"),
        ]
        time.sleep(5)
        processes.append(run("vmalert", f"-rule={rules}", f"-datasource.url={url}", f"-remoteWrite.url={url}", f"-remoteRead.url={url}",
                             f"-notifier.url=http://127.0.0.1:{nobody}", f"-httpListenAddr=127.0.0.1:{alert}",
                             "-remoteWrite.flushInterval=200ms"))
        try:
            # Longer than `for`, and some evaluations on top.
            spans = [180, 1560, 540, 900] if shipped else [40, 90, 90, 90]
            for name, span in zip(["healthy", "everything", "dead", "healthy"], spans):
                current["state"] = name
                time.sleep(span)
                one, other = alerts(prometheus), alerts(alert)
                print(f"{name}: Prometheus {len(one)} alerts, vmalert {len(other)}, {len(one & other)} alike in labels and texts", flush=True)
                for who, more in (("Prometheus", one - other), ("vmalert", other - one)):
                    names = collections.Counter(json.loads(line)[0]["alertname"] for line in more)
                    print("".join(f"  only {who}: {count} {name}\n" for name, count in names.items()), end="", flush=True)
        finally:
            for process in processes:
                process.kill()
                process.wait()


if __name__ == "__main__":
    main()
