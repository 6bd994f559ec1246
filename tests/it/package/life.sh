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
count() { curl -fsS $site/metrics | sed -n 's/^lightning_sync_records_synced_24h{org="acme",object_type="contacts"} //p'; }
push() {
  curl -fsS -H "Authorization: Bearer $(cat /etc/lightning-sync/credentials/acme.token)" -H 'Content-Type: application/x-ndjson' \
    --data-binary "{\"at\":\"$at\",\"object_type\":\"contacts\",\"id\":\"$1\"}" $site/api/v1/orgs/acme/activity >/dev/null
}

dpkg -i /life/old.deb >/life/dpkg.log 2>&1
[[ $(systemctl is-enabled $unit) == enabled ]]
[[ $(systemctl is-active $unit) == inactive && $(shown ConditionResult) == no ]]
[[ $(stat -c '%U %G %a' /etc/lightning-sync /etc/lightning-sync/credentials /var/lib/lightning-sync) == $'root lightning-sync 2750\nroot root 2700\nlightning-sync lightning-sync 750' ]]
said "installed: enabled, and waits for a configuration"

(umask 077 && openssl rand -hex 32 >/etc/lightning-sync/credentials/acme.token)
(umask 027 && cat >/etc/lightning-sync/config.yaml) <<'YAML'
store: { path: /var/lib/lightning-sync/lightning-sync.db }
orgs:
  - name: acme
    time_zone: Europe/Berlin
    ingest: { token_file: /run/credentials/lightning-sync-exporter.service/credentials_acme.token }
YAML
systemctl start $unit
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
  journalctl --no-pager -u $unit | grep -q 'configuration was read again' && break
  sleep 0.1
done
journalctl --no-pager -u $unit | grep -q 'configuration was read again'
said "reloaded"

before=$(shown MainPID)
dpkg -i /life/new.deb >>/life/dpkg.log 2>&1
[[ $(dpkg-query -W -f '${Version}' $unit) == *-2 ]]
[[ $(systemctl is-active $unit) == active && $(shown MainPID) != "$before" ]]
push first
push second
[[ $(count) == 2 ]]
grep -q '# kept' /etc/lightning-sync/config.yaml
grep -q '# kept' /etc/default/lightning-sync-exporter
said "upgraded: restarted, knows the record from before, kept what was edited"

mkdir -p /run/systemd/system/$unit.service.d
printf '[Service]\nWatchdogSec=2\nRestartSec=0\n' >/run/systemd/system/$unit.service.d/short.conf
systemctl daemon-reload
systemctl restart $unit
stuck=$(shown MainPID)
sleep 3
[[ $(shown MainPID) == "$stuck" && $(shown NRestarts) == 0 ]]
kill -STOP "$stuck"
for _ in {1..100}; do
  [[ $(shown NRestarts) == 1 && $(systemctl is-active $unit) == active ]] && break
  sleep 0.1
done
[[ $(shown NRestarts) == 1 && $(shown MainPID) != "$stuck" ]]
[[ $(count) == 2 ]]
said "watched: fed while it works, restarted when it hangs, nothing lost"

dpkg -r $unit >>/life/dpkg.log 2>&1
[[ $(systemctl is-active $unit) != active ]]
[[ -s /var/lib/lightning-sync/lightning-sync.db && -s /etc/lightning-sync/config.yaml ]]
said "removed: stopped, data and configuration kept"

dpkg -P $unit >>/life/dpkg.log 2>&1
[[ ! -e /var/lib/lightning-sync && ! -e /etc/lightning-sync && ! -e /etc/default/lightning-sync-exporter ]]
said "purged: nothing left"
