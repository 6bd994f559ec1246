#!/bin/bash
# The life of the package on a machine of its own: each line of the report is something that held.
set -euo pipefail
unit=lightning-sync-exporter
at=$(date -u +%FT%TZ)
site=http://127.0.0.1:9877
set -x
trap 'code=$?; set +x; ((code == 0)) || { journalctl --no-pager | tail -n 40; } >&2' EXIT
said() { echo "$*"; }
shown() { systemctl show -P "$1" $unit; }
# Not a pipe into `grep -q`: it ends at the first hit, and under pipefail that is a failure of journalctl's.
read_again() { [[ $(journalctl --no-pager -u $unit) == *'configuration was read again'* ]]; }
count() { curl -fsS $site/metrics | sed -n 's/^lightning_sync_records_synced_24h{org="acme",object_type="contacts"} //p'; }
push() {
  curl -fsS -H "Authorization: Bearer $(cat /etc/lightning-sync/credentials/acme.token)" -H 'Content-Type: application/x-ndjson' \
    --data-binary "{\"at\":\"$at\",\"object_type\":\"contacts\",\"id\":\"$1\"}" $site/api/v1/orgs/acme/activity >/dev/null
}

dpkg -i /life/old.deb >/life/dpkg.log 2>&1
[[ $(systemctl is-enabled $unit) == enabled ]]
[[ $(systemctl is-active $unit) == inactive && $(shown ConditionResult) == no ]]
[[ $(stat -c '%U %G %a' /etc/lightning-sync /etc/lightning-sync/credentials /var/lib/lightning-sync) == $'root lightning-sync 2750\nroot root 2700\nlightning-sync lightning-sync 750' ]]
promtool check config /usr/share/doc/$unit/deploy/prometheus/prometheus.yml >&2
said "installed: enabled, and waits for a configuration"

printf '%s\n' acme Europe/Berlin y n acme.token | lightning-sync-exporter config init >&2
systemctl start $unit
[[ $(systemctl is-active $unit) == active ]]
[[ $(stat -c '%U %G %a' /etc/lightning-sync/config.yaml /etc/lightning-sync/acme.token) == $'root lightning-sync 640\nroot lightning-sync 640' ]]
[[ $(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $(cat /etc/lightning-sync/acme.token)" -X POST \
  -H 'Content-Type: application/x-ndjson' $site/api/v1/orgs/acme/activity) == 200 ]]
started=$(curl -fsS $site/metrics | sed -n 's/^process_start_time_seconds //p')
python3 -c "import sys, time; sys.exit(not 0 <= time.time() - $started < 60)"
said "configured by config init: the daemon reads what root wrote, and tells when it started"

# A token that only root may read, by way of systemd.
(umask 077 && openssl rand -hex 32 >/etc/lightning-sync/credentials/acme.token)
sed -i 's,token_file: .*,token_file: /run/credentials/lightning-sync-exporter.service/credentials_acme.token },' /etc/lightning-sync/config.yaml
systemctl restart $unit
[[ $(systemctl is-active $unit) == active ]]
[[ $(stat -c %u "/proc/$(shown MainPID)") == "$(id -u lightning-sync)" ]]
curl -fsS $site/-/ready >/dev/null
push first
[[ $(count) == 1 ]]
said "started: by its own user, told systemd that it is ready, takes a record with the token that systemd handed over"

systemd-analyze security --threshold=12 $unit >/dev/null
said "hardened: exposure at most 1.2"

echo '# kept' >>/etc/lightning-sync/config.yaml
echo '# kept' >>/etc/default/lightning-sync-exporter
systemctl reload $unit
for _ in {1..50}; do
  read_again && break
  sleep 0.1
done
read_again
said "reloaded"

# Every table gets rows: two looks at a thousand users that changed in between, and thousands of records.
python3 - "$site/api/v1/orgs/acme" <<'PYTHON'
import datetime, json, sys, urllib.request
now = datetime.datetime.now(datetime.timezone.utc)
token = open("/etc/lightning-sync/credentials/acme.token").read().strip()
def push(what, kind, body):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
    urllib.request.urlopen(urllib.request.Request(f"{sys.argv[1]}/{what}", body.encode(), headers)).read()
def at(minutes): return (now - datetime.timedelta(minutes=minutes)).strftime("%FT%TZ")
for minutes, state in ((40, "initial_sync_in_progress"), (20, "in_sync")):
    part = {"folder_found": True, "linked": minutes == 20, "to_exchange": state, "to_salesforce": state, "records_in_sync": minutes}
    users = [{"user": f"user{n}@corp.example", "active_configuration": n % 3 > 0, "reset": "marked_for_reset",
              "contacts": part, "events": part} for n in range(1000)]
    push("snapshot", "application/json", json.dumps({"captured_at": at(minutes), "service_account": f"svc{minutes}@corp.example",
         "linked_users": minutes, "contacts": {"last_sync": at(minutes)}, "users": users}))
for kind in ("contacts", "events"):
    push("activity", "application/x-ndjson", "".join(
        json.dumps({"at": at(n % 1300 + 1), "object_type": kind, "id": f"{kind}{n}", "outcome": "failed" if n % 50 == 0 else "synced"}) + "\n"
        for n in range(4000)))
PYTHON
# Everything in the database but what a start counts; how much of it there is goes to the report.
dump() {
  python3 - "$1" <<'PYTHON'
import sqlite3, sys
database = sqlite3.connect("file:/var/lib/lightning-sync/lightning-sync.db?mode=ro", uri=True)
tables = [name for name, in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
with open(sys.argv[1], "w") as out:
    for table in tables:
        for row in sorted(map(repr, database.execute(f"SELECT * FROM {table}"))):
            if "'reopened'" not in row:
                print(table, row, file=out)
        rows, = database.execute(f"SELECT count(*) FROM {table}").fetchone()
        # Nothing is wrong with this organisation, no source of it is polled, and no alert is sent.
        assert rows > 0 or table in ("alerts", "incidents", "source_memory"), table
        print(table, rows, file=sys.stderr)
PYTHON
}
count_before=$(count)
dump /tmp/before
[[ $(wc -l </tmp/before) -gt 15000 ]]

# A configuration with a mistake ends it once, not every five seconds.
cp -p /etc/lightning-sync/config.yaml /tmp/good.yaml
echo 'mistake: 1' >>/etc/lightning-sync/config.yaml
systemctl restart $unit || true
for _ in {1..100}; do
  [[ $(systemctl is-active $unit) == failed ]] && break
  sleep 0.1
done
[[ $(systemctl is-active $unit) == failed && $(shown NRestarts) == 0 ]]
cp -p /tmp/good.yaml /etc/lightning-sync/config.yaml
systemctl reset-failed $unit
systemctl start $unit
said "a wrong configuration: ends once, and says so"

before=$(shown MainPID)
dpkg -i /life/new.deb >>/life/dpkg.log 2>&1
[[ $(dpkg-query -W -f '${Version}' $unit) == *-2 ]]
[[ $(systemctl is-active $unit) == active && $(shown MainPID) != "$before" ]]
dump /tmp/after
diff /tmp/before /tmp/after >&2
push first
[[ $(count) == "$count_before" ]]
push second
[[ $(count) == $((count_before + 1)) ]]
grep -q '# kept' /etc/lightning-sync/config.yaml
grep -q '# kept' /etc/default/lightning-sync-exporter
said "upgraded: restarted, every row of every table is there, a record from before is known, and what was edited is kept"

mkdir -p /run/systemd/system/$unit.service.d
printf '[Service]\nWatchdogSec=6\nRestartSec=0\n' >/run/systemd/system/$unit.service.d/short.conf
systemctl daemon-reload
systemctl restart $unit
stuck=$(shown MainPID)
sleep 8
[[ $(shown MainPID) == "$stuck" && $(shown NRestarts) == 0 ]]
kill -STOP "$stuck"
for _ in {1..300}; do
  [[ $(shown NRestarts) == 1 && $(systemctl is-active $unit) == active ]] && break
  sleep 0.1
done
[[ $(shown NRestarts) == 1 && $(shown MainPID) != "$stuck" ]]
[[ $(count) == $((count_before + 1)) ]]
said "watched: fed while it works, restarted when it hangs, nothing lost"

dpkg -r $unit >>/life/dpkg.log 2>&1
[[ $(systemctl is-active $unit) != active ]]
[[ -s /var/lib/lightning-sync/lightning-sync.db && -s /etc/lightning-sync/config.yaml ]]
said "removed: stopped, data and configuration kept"

dpkg -P $unit >>/life/dpkg.log 2>&1
[[ ! -e /var/lib/lightning-sync && ! -e /etc/lightning-sync && ! -e /etc/default/lightning-sync-exporter ]]
said "purged: nothing left"
