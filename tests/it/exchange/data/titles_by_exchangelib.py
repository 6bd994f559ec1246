"""Reads a mailbox as exchangelib does: titles_by_exchangelib.py URL ACCOUNT PASSWORD MAILBOX FOLDER

Prints a line for each contact in the folder and each event in the calendar: `contacts` or `events`, a tab, its title.
"""

import sys

from exchangelib import BASIC, IMPERSONATION, Account, Configuration, Credentials

url, account, password, mailbox, folder = sys.argv[1:6]
configuration = Configuration(
    service_endpoint=url, credentials=Credentials(account, password), auth_type=BASIC, max_connections=1
)
found = Account(mailbox, config=configuration, autodiscover=False, access_type=IMPERSONATION)
for contact in (found.contacts / folder).all().only("surname"):
    print("contacts", contact.surname, sep="\t")
for event in found.calendar.all().only("subject"):
    print("events", event.subject, sep="\t")
