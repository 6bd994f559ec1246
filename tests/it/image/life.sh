#!/bin/bash
# The life of the image, without anything that a compose file or a chart adds: each line of the report is something that held.
. /life/machine.sh
set -x
image=lightning-sync-exporter:0.2.0
site=http://127.0.0.1:9877
at=$(date -u +%FT%TZ)
inspected() { podman inspect --format "$1" "$2"; }
is_health() { [[ $(inspected '{{.State.Health.Status}}' exporter) == "$1" ]]; }
count() { curl -fsS $site/metrics | sed -n 's/^lightning_sync_records_synced_24h{org="acme",object_type="contacts"} //p'; }
push() {
  curl -fsS -H "Authorization: Bearer $(cat acme.token)" -H 'Content-Type: application/x-ndjson' \
    --data-binary "{\"at\":\"$at\",\"object_type\":\"contacts\",\"id\":\"$1\"}" $site/api/v1/orgs/acme/activity >/dev/null
}
is_ready() { curl -fsS $site/-/ready >/dev/null; }
# Not a pipe into `grep -q`: it ends at the first hit, and under pipefail that is a failure of podman's.
logged() { [[ $(podman logs exporter 2>&1) == *"$1"* ]]; }

# Where it was compiled within, it is there.
if [[ ! -d source ]]; then
  (cd release && sha256sum --check --quiet SHA256SUMS)
  [[ $(podman load --quiet --input release/lightning-sync-exporter-image-*.oci.tar) == "Loaded image: localhost/$image" ]]
  # The program is the one of the package.
  packed=$(dpkg-deb --fsys-tarfile release/lightning-sync-exporter_*.deb | tar -xO ./usr/bin/lightning-sync-exporter | sha256sum)
  [[ $(podman run --rm --entrypoint sha256sum $image /usr/bin/lightning-sync-exporter) == "${packed%-}/usr/bin/lightning-sync-exporter" ]]
fi
[[ $(inspected '{{.Config.User}} {{.Config.Entrypoint}} {{.Config.Cmd}} {{.Config.Volumes}} {{.Config.ExposedPorts}}' $image) == \
  '65532:65532 [/usr/bin/lightning-sync-exporter] [--config.file=/etc/lightning-sync/config.yaml --web.listen-address=:9877] map[/var/lib/lightning-sync:{}] map[9877/tcp:{}]' ]]
[[ $(podman run --rm $image --version) == "$(</mnt/version)" ]]
[[ $(inspected '{{index .Labels "org.opencontainers.image.revision"}}' $image) == "$(</mnt/revision)" ]]
said "image: nobody's but 65532's, and it tells what it was built from"

code=0
podman run --rm $image >wrong.log 2>&1 || code=$?
[[ $code == 2 && $(<wrong.log) == */etc/lightning-sync/config.yaml* ]]
said "without a configuration: ends once, and says so"

openssl rand -hex 32 >acme.token
podman secret create acme.token acme.token >/dev/null
cat >config.yaml <<'YAML'
store: { path: /var/lib/lightning-sync/lightning-sync.db }
orgs: [{ name: acme, ingest: { token_file: /run/secrets/acme.token } }]
YAML
start() {
  podman run --detach --name exporter --read-only --read-only-tmpfs=false --cap-drop=all --security-opt=no-new-privileges \
    --volume ./config.yaml:/etc/lightning-sync/config.yaml:ro --volume exporter:/var/lib/lightning-sync \
    --secret acme.token,uid=65532,mode=0400 --publish 127.0.0.1:9877:9877 \
    --health-cmd "$(<health.json)" --health-interval 1s --health-timeout 2s --health-retries 2 $image >/dev/null
  until_so is_ready
}
start
push first
[[ $(count) == 1 ]]
said "run: by a user without rights, the root read-only, no temporary files"

status=$(podman exec exporter cat /proc/1/status)
[[ $status == *$'Uid:\t65532\t65532\t65532\t65532'* && $status == *$'CapEff:\t0000000000000000'* && $status == *$'NoNewPrivs:\t1'* ]]
[[ $(podman exec exporter stat -c '%u %g %a' /var/lib/lightning-sync /var/lib/lightning-sync/lightning-sync.db) == $'65532 65532 750\n65532 65532 600' ]]
for place in /etc/lightning-sync /usr/bin /tmp /run /var/lib; do
  if podman exec exporter touch $place/written; then exit 1; fi
done
said "within: 65532, without capabilities, writes to its volume and nowhere else"

until_so is_health healthy
process=$(inspected '{{.State.Pid}}' exporter)
kill -STOP "$process"
until_so is_health unhealthy
kill -CONT "$process"
until_so is_health healthy
said "health: healthy while it answers, unhealthy while it hangs"

echo '# read again' >>config.yaml
podman kill --signal HUP exporter >/dev/null
until_so logged 'configuration was read again'
[[ $(curl -fsS $site/metrics) == *$'\nlightning_sync_exporter_config_reload_success 1\n'* ]]
said "SIGHUP: read again"

begun=$SECONDS
podman stop --time 60 exporter >/dev/null
((SECONDS - begun < 10))
[[ $(inspected '{{.State.ExitCode}}' exporter) == 0 ]]
said "SIGTERM: ended in time, with success"

podman rm exporter >/dev/null
start
[[ $(count) == 1 ]]
push first
push second
[[ $(count) == 2 ]]
podman rm --force --time 10 exporter >/dev/null
said "another container, the same volume: every record is there, and known"

mkdir --mode 755 data
code=0
podman run --rm --volume ./config.yaml:/etc/lightning-sync/config.yaml:ro --volume ./data:/var/lib/lightning-sync \
  --secret acme.token,uid=65532,mode=0400 $image >wrong.log 2>&1 || code=$?
cat wrong.log >&2
[[ $code != 0 && $(<wrong.log) == */var/lib/lightning-sync* ]]
said "a directory of the host that is another's: ends, and names it"

podman secret rm acme.token >/dev/null
podman volume rm exporter >/dev/null
podman rmi $image >/dev/null
