#!/bin/bash
# The chart on a bare Debian with the files of a release alone, installed by podman, which plays Kubernetes' documents: no
# cluster is here. kube.py says what is changed for it. Where `whole` exists, to a graph and to a page at a receiver on
# another machine, which takes minutes: the rules wait as they do anywhere.
set -euo pipefail
# In tenths of a second.
begun=$(date +%s%N)
passed() { local tenths=$((($(date +%s%N) - begun) / 100000000)); echo "$((tenths / 10)).$((tenths % 10))"; }
apt-get install --yes $(</life/packages) >/life/dpkg.log 2>&1
echo "chart: packages of Debian after $(passed) s"
. /life/machine.sh
set -x
. ./facts
site=http://127.0.0.1:$port
inspected() { podman inspect --format "$1" "$2"; }
count() { curl -fsS $site/metrics | sed -n 's/^lightning_sync_records_synced_24h{org="acme",object_type="contacts"} //p'; }
push() {
  curl -fsS -H "Authorization: Bearer $(<acme.token)" -H 'Content-Type: application/json' --data-binary "$2" \
    "$site/api/v1/orgs/acme/$1" >/dev/null
}
# As a kubelet asks: the chart's path, the chart's port, an answer within the time.
probe() {
  local path=$1 port=$1_port seconds=$1_seconds
  curl -fsS --max-time "${!seconds}" "http://127.0.0.1:${!port}${!path}" >/dev/null
}
# Installs what is in the files. A secret's files are for the pod's group alone, which a kubelet sees to.
play() {
  for file in "$@"; do podman kube play --quiet --start=false "$file" >&2; done
  within=$(podman volume inspect --format '{{.Mountpoint}}' "$secret")
  podman unshare bash -euc "chgrp $group $within/*; chmod $mode $within/*"
  podman pod start "$pod" >&2
}
container=$pod-exporter

(cd release && sha256sum --check --quiet SHA256SUMS)
podman load --quiet --input release/lightning-sync-exporter-image-*.oci.tar >&2
openssl rand -hex 32 >acme.token
# What `kubectl create secret generic --from-file` makes, as podman keeps it.
printf '{apiVersion: v1, kind: Secret, metadata: {name: %s}, data: {acme.token: %s}}' "$secret" "$(<acme.token)" >secret.yaml
podman secret create "$secret" secret.yaml >/dev/null
play claim.yaml pod.yaml
until_so probe readiness
probe liveness
echo "chart: ready after $(passed) s"
at=$(date -u +%FT%TZ)
record="{\"at\":\"$at\",\"object_type\":\"contacts\",\"id\":\"first\"}"
push activity "$record"
# Events that nothing was seen of for longer than a day: a page.
push snapshot "{\"captured_at\":\"$at\",\"events\":{\"last_sync\":\"$(date -u -d '30 hours ago' +%FT%TZ)\"}}"
[[ $(count) == 1 ]]

[[ $(inspected '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.SecurityOpt}} {{.Config.User}} {{.ImageName}}' $container) == \
  "true [no-new-privileges] $user localhost/$image" ]]
status=$(podman exec $container cat /proc/1/status)
[[ $status == *$'Uid:\t65532\t65532\t65532\t65532'* && $status == *$'CapEff:\t0000000000000000'* && $status == *$'CapBnd:\t0000000000000000'* ]]
[[ $status == *$'NoNewPrivs:\t1'* && $status == *$'Seccomp:\t2'* ]]
[[ $(podman exec $container stat -c '%u %g %a' /var/lib/lightning-sync/lightning-sync.db) == '65532 65532 600' ]]
[[ $(podman exec $container stat -c '%g %a' /etc/lightning-sync/secrets/acme.token) == "$group $mode" ]]
for place in /etc/lightning-sync/config /etc/lightning-sync/secrets /usr/bin /tmp /var/lib; do
  if podman exec $container touch $place/written; then exit 1; fi
done
echo "chart: its user, its rights, its volumes, nothing else to write to"

if [[ -e whole ]]; then
  . /mnt/receiver.sh
  tar -xzf release/lightning-sync-exporter-compose-*.tar.gz
  sed 's,http://127.0.0.1:9095,http://192.0.2.2:9095,' lightning-sync-exporter-compose-*/deploy/alertmanager/alertmanager.yaml >alertmanager.yaml
  address=$(inspected '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(podman pod inspect --format '{{.InfraContainerID}}' $pod)")
  sed -i "s,POD,$address,; s,ALERTMANAGER,alertmanager," prometheus.yml
  beside=(--detach --network podman-default-kube-network --read-only)
  podman run "${beside[@]}" --name alertmanager --volume ./alertmanager.yaml:/etc/alertmanager.yml:ro \
    docker.io/prom/alertmanager:v0.28.1 --config.file=/etc/alertmanager.yml --storage.path=/alertmanager --cluster.listen-address= >&2
  podman run "${beside[@]}" --name prometheus --publish 127.0.0.1:9090:9090 --volume ./prometheus.yml:/etc/prometheus/prometheus.yml:ro \
    --volume ./rules.yaml:/etc/prometheus/rules.yaml:ro \
    docker.io/prom/prometheus:v3.5.0 --config.file=/etc/prometheus/prometheus.yml --storage.tsdb.path=/prometheus >&2
  drawn() {
    [[ $(curl -fsS --get --data-urlencode "query=$query" --data-urlencode "start=$(date -d '1 hour ago' +%s)" --data-urlencode "end=$(date +%s)" \
      --data-urlencode step=15 http://127.0.0.1:9090/api/v1/query_range) == *'"object_type":"contacts"}'*'"1"]'* ]]
  }
  until_so drawn
  echo "chart: first graph after $(passed) s"
  notified() { got /heartbeat LightningSyncWatchdog || got /page LightningSyncNoSyncIn24Hours; }
  until_so notified
  echo "chart: first notification after $(passed) s"
  # Two evaluations and half a minute in which others of the same cause may come.
  until_so got /heartbeat LightningSyncWatchdog
  until_so got /page LightningSyncNoSyncIn24Hours || until_so got /page LightningSyncNoSyncIn24Hours
  echo "chart: heartbeat and page after $(passed) s"
  [[ $(grep '^/page ' webhook.log) == *'"org":"acme"'* ]]
  # Every rule is evaluated, and none fails.
  [[ $(curl -fsS http://127.0.0.1:9090/api/v1/rules) != *'"health":"err"'* ]]
  echo "chart: no rule fails"
  podman rm --force --time 1 prometheus alertmanager >&2
fi

# As the documents have it.
podman exec $container lightning-sync-exporter backup --to /var/lib/lightning-sync/backup.db >&2
podman cp $container:/var/lib/lightning-sync/backup.db backup.db

process=$(inspected '{{.State.Pid}}' $container)
kill -STOP "$process"
if probe liveness || probe readiness; then exit 1; fi
kill -CONT "$process"
until_so probe readiness
probe liveness
echo "chart: its probes pass while it answers, and fail while it hangs"

kill -KILL "$process"
# As a kubelet does, podman starts it again.
until_so probe readiness
[[ $(inspected '{{.State.Pid}}' $container) != "$process" && $(count) == 1 ]]
down() {
  local since=$SECONDS
  podman pod stop --time "$grace" "$pod" >&2
  ((SECONDS - since < 10))
  podman kube down pod.yaml >&2
}
down
play pod.yaml
until_so probe readiness
push activity "$record"
[[ $(count) == 1 ]]
push activity "${record/first/second}"
[[ $(count) == 2 ]]
echo "chart: killed, and another pod on the same claim: every record is there, and known"

down
# The claim stays until somebody deletes it.
podman volume rm "$claim" "$secret" "${pod%-0}" >/dev/null
podman secret rm "$secret" >/dev/null
podman rmi "$image" >&2
