# Somebody at the other end of the webhooks of the example configuration; to be read by the scripts beside this one.
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
