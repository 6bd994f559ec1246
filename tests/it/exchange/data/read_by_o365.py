"""Reads mailboxes as O365 does, with tokens that MSAL gets: read_by_o365.py URL CA_FILE TENANT CLIENT_ID USER FOLDER,
and then SECRET, or CERTIFICATE_FILE KEY_FILE

Prints, a line each: that there is a token, the calendar's name, the folder's name, and how many contacts are in it.
"""

import sys

import msal
import requests
from O365 import Account, MSGraphProtocol

url, ca_file, tenant, client_id, user, folder, *proof = sys.argv[1:]
if len(proof) == 1:
    credential = proof[0]
else:
    certificate, key = (open(file).read() for file in proof)
    # MSAL makes the thumbprint itself, and signs with PS256.
    credential = {"private_key": key, "public_certificate": certificate}
application = msal.ConfidentialClientApplication(
    client_id, client_credential=credential, authority=f"{url}/{tenant}", instance_discovery=False, verify=ca_file
)
answer = application.acquire_token_for_client(scopes=["https://graph.microsoft.com/.default"])
if "access_token" not in answer:
    print("refused", answer["error"], answer["error_codes"])
    sys.exit()
print("token", answer["token_type"])


class Simulated(MSGraphProtocol):
    _protocol_url = f"{url}/"


account = Account((client_id, "unused"), protocol=Simulated(), auth_flow_type="credentials", tenant_id=tenant,
                  main_resource=user, verify_ssl=ca_file)
session = requests.Session()
session.verify = ca_file
session.headers["Authorization"] = f"Bearer {answer['access_token']}"
# The library gets its tokens from Microsoft's hosts alone; it reads with one that is there already.
account.con.session = session
account.con._load_token_from_backend = lambda: True
try:
    print("calendar", account.schedule().get_default_calendar().name)
    found = account.address_book().get_folder(folder_name=folder)
    print("folder", found.name)
    count = session.get(f"{url}/v1.0/users/{user}/contactFolders/{requests.utils.quote(found.folder_id, safe='')}/contacts",
                        params={"$count": "true", "$top": 1, "$select": "id"})
    print("contacts", count.json()["@odata.count"])
except requests.HTTPError as error:
    print("refused", error.response.status_code, error.response.json()["error"]["code"])
