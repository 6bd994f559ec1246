"""An HTTPS server whose NTLM is pyspnego's, before a plain server that takes a password:
ntlm_front.py CERTIFICATE KEY UPSTREAM-PORT BASIC-HEADER required|optional|wrong|damaged

Damaged: a byte of the last message is changed that only the code over all messages covers.

The users are in the file that NTLM_USER_FILE names. Prints "listening PORT".
"""

import base64
import hashlib
import http.client
import http.server
import ssl
import sys

import spnego
from spnego.channel_bindings import GssChannelBindings

certificate, key, upstream, basic, mode = sys.argv[1:6]
der = ssl.PEM_cert_to_DER_cert(open(certificate).read())
data = b"tls-server-end-point:" + hashlib.sha256(der if mode != "wrong" else b"another").digest()
bindings = None if mode == "optional" else GssChannelBindings(application_data=data)


class Front(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    context = None
    signed_in = False

    def log_message(self, *_):
        pass

    def refuse(self, token=None):
        self.send_response(401)
        self.send_header("WWW-Authenticate", "NTLM" + (" " + base64.b64encode(token).decode() if token else ""))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.refuse()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        shown = self.headers.get("Authorization", "")
        if shown.startswith("NTLM "):
            token = base64.b64decode(shown[5:])
            if token[8] == 1:
                self.signed_in = False
                self.context = spnego.server(protocol="ntlm", channel_bindings=bindings)
            elif mode == "damaged":
                # The version, which says nothing.
                token = token[:64] + bytes([token[64] ^ 1]) + token[65:]
            try:
                answer = self.context.step(token)
            except Exception as error:
                print("refused", type(error).__name__, file=sys.stderr, flush=True)
                self.context = None
                return self.refuse()
            if not self.context.complete:
                return self.refuse(answer)
            self.signed_in = True
        if not self.signed_in:
            return self.refuse()
        connection = http.client.HTTPConnection("127.0.0.1", int(upstream))
        headers = {name: value for name, value in self.headers.items() if name.lower() in ("content-type", "x-anchormailbox")}
        connection.request("POST", self.path, body, {**headers, "Authorization": basic})
        response = connection.getresponse()
        text = response.read()
        self.send_response(response.status)
        self.send_header("Content-Type", response.getheader("Content-Type", "text/plain"))
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Front)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print("listening", server.server_address[1], file=sys.stderr, flush=True)
server.serve_forever()
