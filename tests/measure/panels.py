#!/usr/bin/env python3
"""Pictures of the dashboards: a Prometheus scrapes the demo, and Grafana's published components draw what it answers.

    tests/measure/panels.py TARGET PICTURES [--minutes 15]

TARGET is the directory with the built daemon (target/debug); PICTURES gets fleet.png, organisation.png and exporter.png. Needs
prometheus, chromium, node and npm, and 640 MB for npm's packages, which go below TARGET. Units, words, colours and the ends of
bars and axes are Grafana's own; state timelines are not published, so their bars are drawn by us.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

from rules import ROOT, free_port

HERE = Path(__file__).resolve().parent / "panels"
WIDTH = 1400


def answers(port, path, **asked):
    url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
    return json.load(urllib.request.urlopen(url, timeout=30))["data"]["result"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--org", default="acme")
    options = parser.parse_args()
    build = (options.target / "panels").resolve()
    build.mkdir(exist_ok=True)
    options.pictures.mkdir(exist_ok=True)
    for file in HERE.iterdir():
        shutil.copy(file, build)
    run = lambda *words: subprocess.run(words, cwd=build, check=True)
    run("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--legacy-peer-deps")
    run("npx", "esbuild", "draw.jsx", "--bundle", "--minify", "--outfile=draw.js", "--log-level=error", "--define:global=window",
        '--define:process.env.NODE_ENV="production"', *(f"--loader:.{kind}=dataurl" for kind in ("svg", "ttf", "woff", "woff2")))
    exporter, prometheus = free_port(), free_port()
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        (directory / "prometheus.yml").write_text(
            "global: {scrape_interval: 10s}\nscrape_configs: [{job_name: lightning-sync, static_configs: "
            f"[{{targets: ['127.0.0.1:{exporter}']}}]}}]\n")
        log = open(directory / "log", "w")
        start = lambda *words: subprocess.Popen(words, stdout=log, stderr=log)
        processes = [
            start(options.target / "lightning-sync-exporter", "demo", "--web.listen-address", f"127.0.0.1:{exporter}"),
            start("prometheus", f"--config.file={directory / 'prometheus.yml'}", f"--storage.tsdb.path={directory / 'data'}",
                  f"--web.listen-address=127.0.0.1:{prometheus}"),
        ]
        try:
            begun, plans = time.time(), {}
            time.sleep(60 * options.minutes)
            now = time.time()
            for file in sorted((ROOT / "dashboards").glob("*.json")):
                panels = []
                for panel in json.loads(file.read_text())["panels"]:
                    results = []
                    for target in panel["targets"]:
                        expr = target["expr"].replace("$__rate_interval", "1m").replace("$org", options.org)
                        expr = expr.replace("$job", ".+").replace("$instance", ".+")
                        moment = {"time": now} if target["instant"] else {"start": begun, "end": now, "step": 10}
                        results.append(answers(prometheus, "query" if target["instant"] else "query_range", query=expr, **moment))
                    panels.append({"panel": panel, "results": results})
                plans[file.stem] = {"width": WIDTH, "from": begun, "to": now, "panels": panels}
        finally:
            for process in processes:
                process.kill()
                process.wait()
    for name, plan in plans.items():
        (build / f"{name}.plan.json").write_text(json.dumps(plan))
    shoot = lambda name: subprocess.run(["node", "shoot.mjs", f"{name}.plan.json", (options.pictures / f"{name}.png").resolve()], cwd=build)
    sys.exit(max(shoot(name).returncode for name in plans))


if __name__ == "__main__":
    main()
