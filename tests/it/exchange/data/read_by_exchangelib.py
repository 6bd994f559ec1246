"""Reads an Exchange as exchangelib does: read_by_exchangelib.py URL ACCOUNT PASSWORD MAILBOX FOLDER

Prints, a line each: the version, the calendar's name and count, and the folder's name, class and count.
"""

import sys

from exchangelib import BASIC, IMPERSONATION, Account, Configuration, Credentials
from exchangelib.errors import EWSError

url, account, password, mailbox, folder = sys.argv[1:6]
# The version is found out, as its users do who do not know it.
configuration = Configuration(
    service_endpoint=url, credentials=Credentials(account, password), auth_type=BASIC, max_connections=1
)
try:
    found = Account(mailbox, config=configuration, autodiscover=False, access_type=IMPERSONATION)
    print("version", found.version.build.major_version, found.version.build.minor_version)
    print("calendar", found.calendar.name, found.calendar.total_count)
    contacts = found.contacts / folder
    print("folder", contacts.name, contacts.folder_class, contacts.total_count)
except EWSError as error:
    print("refused", type(error).__name__)
