#!/bin/bash
# The compose stack, whole but for Grafana, on a bare Debian with the files of a release alone: to a notification at a
# receiver on another machine.
set -euo pipefail
# In tenths of a second.
begun=$(date +%s%N)
passed() { local tenths=$((($(date +%s%N) - begun) / 100000000)); echo "$((tenths / 10)).$((tenths % 10))"; }
apt-get install --yes $(</life/packages) >/life/dpkg.log 2>&1
echo "compose: packages of Debian after $(passed) s"
. /life/machine.sh
set -x
cd /mnt/release
sha256sum --check --quiet SHA256SUMS
chown someone: .
as_user tar -xzf lightning-sync-exporter-compose-*.tar.gz
cd lightning-sync-exporter-compose-*/deploy/compose
as_user bash -euxc "$(</mnt/before)" >&2

. /mnt/receiver.sh

compose() { as_user env PYTHONPATH=/mnt/python python3 -m podman_compose "$@"; }
echo "compose: without Grafana, of which no image can be had here"
compose up --detach exporter prometheus alertmanager >&2
echo "compose: up after $(passed) s"
pushed() {
  local at
  at=$(date -u +%FT%TZ)
  for what in "activity {\"at\":\"$at\",\"object_type\":\"contacts\",\"id\":\"first\"}" \
    "snapshot {\"captured_at\":\"$at\",\"users\":[{\"user\":\"ann@corp.example\",\"active_configuration\":true}]}"; do
    curl -fsS -H "Authorization: Bearer $(<acme.token)" -H 'Content-Type: application/json' --data-binary "${what#* }" \
      "http://127.0.0.1:9877/api/v1/orgs/acme/${what%% *}" >/dev/null || return
  done
}
until_so pushed
# Before Prometheus says anything: a page waits 30 s for others that have the same cause.
paged() { as_user env PYTHONPATH=/mnt/python bash -euxc "podman-compose() { python3 -m podman_compose \"\$@\"; }; $(</mnt/after)" >&2; }
until_so paged
drawn() { [[ $(curl -fsS --get --data-urlencode 'query=lightning_sync_records_synced_24h{org="acme"} > 0' http://127.0.0.1:9090/api/v1/query) == *acme* ]]; }
until_so drawn
echo "compose: first graph after $(passed) s"
notified() { got /heartbeat LightningSyncWatchdog || got /page LightningSyncTestPage; }
until_so notified
echo "compose: first notification after $(passed) s"
# The heartbeat comes from a rule, and rules are evaluated once a minute.
until_so got /heartbeat LightningSyncWatchdog
until_so got /page LightningSyncTestPage
echo "compose: heartbeat and page after $(passed) s"

healthy() { [[ $(podman inspect --format '{{.State.Health.Status}}' lightning-sync_exporter_1) == healthy ]]; }
until_so healthy
for name in exporter prometheus alertmanager; do
  [[ $(podman inspect --format '{{.HostConfig.ReadonlyRootfs}} {{.RestartCount}} {{.State.Status}}' lightning-sync_${name}_1) == 'true 0 running' ]]
done
# Every rule is evaluated, and none fails.
[[ $(curl -fsS http://127.0.0.1:9090/api/v1/rules) != *'"health":"err"'* ]]
[[ $(ss --listening --no-header --tcp --numeric | awk '$4 !~ /^(127\.0\.0\.1|192\.0\.2\.2|\[?::1\]?):/ { print $4 }') == '' ]]
echo "compose: healthy, read-only, no rule fails, nothing listens but on loopback"

compose exec -T exporter lightning-sync-exporter backup --to /var/lib/lightning-sync/backup.db >&2
podman cp lightning-sync_exporter_1:/var/lib/lightning-sync/backup.db backup.db
compose stop exporter >&2
compose run --rm -T exporter erase --org acme --user ann@corp.example >&2
compose start exporter >&2
compose kill --signal HUP exporter >&2
read_again() { [[ $(podman logs lightning-sync_exporter_1 2>&1) == *'configuration was read again'* ]]; }
until_so read_again
echo "compose: backup, erase and reload as the documents have them"
compose down --volumes >&2
[[ -z $(podman ps --all --quiet) && -z $(podman volume ls --quiet --filter name=lightning-sync_) ]]
echo "compose: down, nothing left"
