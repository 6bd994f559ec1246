"""simple-salesforce, unchanged, against the simulated Salesforce. It insists on https and on the vendor's names, so its
requests are turned to the simulator below it, where a name server and a proxy would do it."""

import sys
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
)

address, client_id, secret, users = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])


class ToSimulator(HTTPAdapter):
    def send(self, request, **arguments):
        parts = urlsplit(request.url)
        request.url = f"http://{address}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return super().send(request, **arguments)


session = requests.Session()
session.mount("https://", ToSimulator())


def log_in(secret):
    return Salesforce(
        consumer_key=client_id, consumer_secret=secret, domain="acme.my", version="67.0", session=session
    )


def refused(kind, action):
    try:
        action()
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was expected")


refused(SalesforceAuthenticationFailed, lambda: log_in("wrong"))
client = log_in(secret)

found = client.query_all("SELECT UserName, ConnectivityStatus, EventsSynced FROM ActivityUsrConnectionStatus")
assert found["done"] and found["totalSize"] == users == len(found["records"]), found["totalSize"]
assert len({row["UserName"] for row in found["records"]}) == users
assert all(row["attributes"]["type"] == "ActivityUsrConnectionStatus" for row in found["records"])

limits = client.limits()
assert limits["DailyApiRequests"]["Max"] == 100_000, limits
assert client.api_usage["api-usage"].total == 100_000, client.api_usage

batch = client.restful("composite/batch", method="POST", json={"batchRequests": [
    {"method": "GET", "url": "v67.0/limits"},
    {"method": "GET", "url": "v67.0/query/?q=SELECT+Id+FROM+Nothing"},
]})
assert [result["statusCode"] for result in batch["results"]] == [200, 400], batch

refused(SalesforceMalformedRequest, lambda: client.query("SELECT Id FROM Nothing"))
expired = Salesforce(instance_url="https://acme.my.salesforce.com", session_id="another", version="67.0", session=session)
refused(SalesforceExpiredSession, expired.limits)
print("fine")
