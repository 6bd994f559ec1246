#!/bin/bash
# The recipe of docs/one-box.md on a machine of its own, with somebody at the other end of the webhooks.
set -euo pipefail
set -x
python3 - >/life/webhook.log 2>&1 <<'PYTHON' &
import http.server
class Webhook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        print(self.path, self.rfile.read(int(self.headers["Content-Length"])).decode(), flush=True)
        self.send_response(200)
        self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", 9095), Webhook).serve_forever()
PYTHON
trap 'code=$?; set +x; kill %1; ((code == 0)) || journalctl --no-pager | tail -n 60 >&2' EXIT
begun=$SECONDS
dpkg -i /life/old.deb >/life/dpkg.log 2>&1
# What the package manager would do for the other two, which are on this machine already.
install -d -o prometheus -g prometheus /var/lib/prometheus /var/lib/prometheus/alertmanager /var/lib/prometheus/metrics2
for number in 2 3 4; do . "/life/block$number"; done >&2
echo "first graph after $((SECONDS - begun)) s"
. /life/block5
echo "first page after $((SECONDS - begun)) s"
grep -q LightningSyncTestPage /life/webhook.log
