# Another machine at 192.0.2.2, and somebody on it who takes notifications; to be read by the scripts beside this one.
ip netns add receiver
ip link add receiver type veth peer name eth0 netns receiver
ip address add 192.0.2.1/24 dev receiver
ip link set receiver up
ip -n receiver address add 192.0.2.2/24 dev eth0
ip -n receiver link set eth0 up
ip netns exec receiver python3 - >/mnt/webhook.log 2>&1 <<'PYTHON' &
import http.server
class Webhook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        print(self.path, self.rfile.read(int(self.headers["Content-Length"])).decode(), flush=True)
        self.send_response(200)
        self.end_headers()
http.server.ThreadingHTTPServer(("192.0.2.2", 9095), Webhook).serve_forever()
PYTHON
# A notification of an alert, at a path.
got() { [[ $(grep "^$1 " /mnt/webhook.log) == *'"alertname":"'$2'"'* ]]; }
