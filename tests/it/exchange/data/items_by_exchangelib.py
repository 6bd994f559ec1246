"""Creates, finds, reads, changes and deletes as exchangelib does: items_by_exchangelib.py URL ACCOUNT PASSWORD MAILBOX FOLDER

Prints a line for each step.
"""

import datetime
import sys

from exchangelib import BASIC, IMPERSONATION, UTC, Account, CalendarItem, Configuration, Contact, Credentials, EWSDateTime
from exchangelib.errors import DoesNotExist, EWSError
from exchangelib.items import SEND_TO_NONE

url, account, password, mailbox, folder = sys.argv[1:6]
configuration = Configuration(
    service_endpoint=url, credentials=Credentials(account, password), auth_type=BASIC, max_connections=1
)
found = Account(mailbox, config=configuration, autodiscover=False, access_type=IMPERSONATION)
contacts = found.contacts / folder

start = EWSDateTime(2026, 11, 29, 10, 0, tzinfo=UTC)
event = CalendarItem(
    account=found, folder=found.calendar, subject="a test & <event>", start=start,
    end=start + datetime.timedelta(minutes=30), legacy_free_busy_status="Free",
).save(send_meeting_invitations=SEND_TO_NONE)
contact = Contact(account=found, folder=contacts, surname="a test contact", display_name="a test contact").save()
print("created", bool(event.id and event.changekey), bool(contact.id and contact.changekey))

# Only the ids and some properties, as the canary does it.
for item in found.calendar.filter(subject="a test & <event>").only("subject", "datetime_created"):
    print("found", item.subject, item.id == event.id)
for item in contacts.filter(surname="a test contact").only("surname"):
    print("found", item.surname, item.id == contact.id)
print("absent", contacts.filter(surname="somebody else").count(), found.calendar.filter(subject="nothing").count())

# Items as a whole.
whole = found.calendar.get(id=event.id)
print("read", whole.subject, whole.start.isoformat(), whole.end.isoformat(), whole.sensitivity)
whole = contacts.get(id=contact.id)
print("read", whole.display_name, whole.surname)
seen = list(found.calendar.view(start=start - datetime.timedelta(hours=1), end=start + datetime.timedelta(hours=1)))
print("seen", [item.subject for item in seen])

event.subject = "a changed event"
event.save(update_fields=["subject"], send_meeting_invitations=SEND_TO_NONE)
print("changed", found.calendar.get(id=event.id).subject)

gone = event.id
# For good.
event.delete(send_meeting_cancellations=SEND_TO_NONE)
contact.delete()
print("left", found.calendar.filter(subject="a changed event").count(), contacts.filter(surname="a test contact").count())
try:
    found.calendar.get(id=gone)
except (EWSError, DoesNotExist) as error:
    print("gone", type(error).__name__)
