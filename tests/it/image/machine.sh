# A machine where somebody without rights runs containers; to be read by the scripts beside this one that
# tests/it/package/boot.sh runs.
set -euo pipefail
trap 'code=$?; set +x; ((code == 0)) || { for name in $(podman ps --all --format "{{.Names}}"); do echo "== $name"; podman logs --tail 20 "$name"; done; journalctl --no-pager | tail -n 40; } >&2' EXIT
mount --bind /life /mnt
. /mnt/user.sh
# For networks of users.
mkdir /dev/net
mknod -m 666 /dev/net/tun c 10 200
systemctl start dbus.socket systemd-logind
# Health checks are timers of the user's own systemd.
loginctl enable-linger someone
systemctl start user@4711
cd /mnt
podman() {
  local -
  set +x
  as_user podman "$@"
}
said() { echo "$*"; }
# Waits until a command succeeds, for two minutes at most.
until_so() {
  local -
  set +x
  local until=$((SECONDS + 120))
  while ((SECONDS < until)); do
    if "$@" 2>/dev/null; then return 0; fi
    sleep 0.1
  done
  echo "never so: $*" >&2
  return 1
}
