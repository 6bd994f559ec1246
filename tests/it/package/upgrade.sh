#!/bin/bash
# From version 0.1's package, with its database and configuration, to this one while records are pushed, and back.
set -euo pipefail
unit=lightning-sync-exporter
site=http://127.0.0.1:9877
database=/var/lib/lightning-sync/lightning-sync.db
set -x
trap 'code=$?; set +x; ((code == 0)) || { journalctl --no-pager | tail -n 40; cat /life/pushes.log; } >&2' EXIT
said() { echo "$*"; }
shown() { systemctl show -P "$1" $unit; }
counted() { curl -fsS $site/metrics | sed -n 's/^lightning_sync_records_synced_24h{org="beta",object_type="contacts"} //p'; }

dpkg -i /life/old.deb >/life/dpkg.log 2>&1
install -o root -g lightning-sync -m 640 /life/config.yaml /etc/lightning-sync/config.yaml
# Its `store.path` is relative: to the working directory then, to the configuration's since.
install -o lightning-sync -g lightning-sync -m 600 /life/version_0_1.db $database
systemctl start $unit
before=$(shown MainPID)
said "0.1 runs with its own unit, database and configuration"

# Each record has an id of its own and is sent until it is acknowledged, as a sender should. It ends when it is told to.
python3 - "$site/api/v1/orgs" >/life/pushes.log 2>&1 <<'PYTHON' &
import datetime, json, os, sys, threading, time, urllib.error, urllib.request
acknowledged, again = [0] * 4, [0] * 4
def push(sender):
    while not os.path.exists("/tmp/enough"):
        at = datetime.datetime.now(datetime.timezone.utc).strftime("%FT%TZ")
        id = f"{sender}-{acknowledged[sender]}"
        record = json.dumps({"at": at, "object_type": "contacts", "id": id}).encode()
        while True:
            request = urllib.request.Request(f"{sys.argv[1]}/beta/activity", record, {"Content-Type": "application/x-ndjson"})
            try:
                urllib.request.urlopen(request, timeout=10).read()
                break
            except (urllib.error.HTTPError, OSError) as error:
                assert not isinstance(error, urllib.error.HTTPError) or error.code in (429, 503), error
                again[sender] += 1
                time.sleep(0.02)
        acknowledged[sender] += 1
        if acknowledged[sender] == 50:
            open(f"/tmp/under-load-{sender}", "w")
senders = [threading.Thread(target=push, args=[number]) for number in range(4)]
for sender in senders: sender.start()
for sender in senders: sender.join()
print(sum(acknowledged), sum(again))
PYTHON
pushes=$!
until [[ $(echo /tmp/under-load-*) == "/tmp/under-load-0 /tmp/under-load-1 /tmp/under-load-2 /tmp/under-load-3" ]]; do
  kill -0 $pushes
  sleep 0.1
done
lightning-sync-exporter backup --to /tmp/before.db >&2
dpkg -i /life/new.deb >>/life/dpkg.log 2>&1
[[ $(systemctl is-active $unit) == active && $(shown MainPID) != "$before" ]]
rm /tmp/under-load-*
# As many again to the new one.
at_upgrade=$(counted)
until (($(counted) >= at_upgrade + 200)); do
  kill -0 $pushes
  sleep 0.1
done
touch /tmp/enough
wait $pushes
read -r records again </life/pushes.log
((records >= 400 && again > 0))
[[ $(counted) == "$records" ]]
echo "$records records, $again attempts again while the package was upgraded, $at_upgrade before it ended" >&2
said "upgraded under load: every acknowledged record is counted once"

# Where 0.1 had it, under the new schema, with the users that it stored.
stored=$(python3 -c "
import sqlite3
database = sqlite3.connect('$database')
print(database.execute('PRAGMA user_version').fetchone()[0] > 1, database.execute('SELECT count(*) FROM users').fetchone()[0])")
[[ $stored == "True 2" && ! -e /etc/lightning-sync/lightning-sync.db ]]
said "what 0.1 stored is there, where it stored it"

# As a later version leaves it.
systemctl stop $unit
python3 -c "import sqlite3; sqlite3.connect('$database').execute('PRAGMA user_version = 99')"
untouched=$(sha256sum <$database)
refusals() { journalctl --no-pager -u $unit | grep -c "lightning-sync.db has schema 99 and this version knows up to " || true; }
systemctl start $unit || true
until (($(refusals) > 0)) && [[ $(systemctl is-active $unit) == failed ]]; do sleep 0.1; done
[[ $(refusals) == 1 && $(shown NRestarts) == 0 && $(journalctl --no-pager -u $unit) == *"restore a backup from before the upgrade"* ]]
said "a later version's database is refused once, with what to do"

dpkg -i /life/old.deb >>/life/dpkg.log 2>&1
[[ $(dpkg-query -W -f '${Version}' $unit) == 0.1.0-1 ]]
systemctl restart $unit || true
until (($(refusals) > 1)); do sleep 0.1; done
[[ $(sha256sum <$database) == "$untouched" ]]
systemctl stop $unit
mkdir /var/lib/lightning-sync/old && mv $database* /var/lib/lightning-sync/old/
lightning-sync-exporter restore --from /tmp/before.db >&2
systemctl start $unit
[[ $(systemctl is-active $unit) == active && $(counted) -ge 200 ]]
said "downgraded: 0.1 refuses the database, and goes on from the backup"
