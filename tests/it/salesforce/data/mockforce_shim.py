"""simple-mockforce, an in-memory Salesforce that knows nothing of us, behind a loopback server.

Every request is handed to it as it came. What it does not know it refuses by an exception; that becomes the error that
Salesforce documents for the case.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from simple_mockforce import mock_salesforce
from simple_salesforce import Salesforce

USERS = int(sys.argv[1])


class Shim(BaseHTTPRequestHandler):
    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def error(self, status, code, message):
        self.answer(status, json.dumps([{"errorCode": code, "message": message}]).encode())

    def hand_over(self):
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        url = "https://mock.my.salesforce.com" + self.path
        try:
            answer = requests.request(self.command, url, data=self.rfile.read(length), headers=headers)
        except requests.exceptions.ConnectionError:
            return self.error(404, "NOT_FOUND", "not mocked")
        except AssertionError as refused:
            return self.error(400, "INVALID_TYPE", str(refused))
        self.answer(answer.status_code, answer.content)

    do_GET = do_POST = hand_over

    def log_message(self, *_):
        pass


@mock_salesforce
def main():
    salesforce = Salesforce(username="a", password="b", security_token="c")
    for n in range(USERS):
        salesforce.ActivityUsrConnectionStatus.create({
            "UserId": f"005{n:012}", "UserName": f"user{n}@corp.example", "EmailAddress": f"user{n}@corp.example",
            "ConfigurationName": "Sales team", "ConnectivityStatus": "ACTIVE", "UserOnboardingStatus": "COMPLETE",
            "ContactsSynced": n, "EventsSynced": 0,
        })
        salesforce.UserEmailCalendarSync.create({"AssignedId": f"005{n:012}", "ConfigurationId": "0Zs000000000001"})
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shim)
    print(f"listening {server.server_address[1]}", file=sys.stderr, flush=True)
    server.serve_forever()


main()
