#!/bin/bash
# A bare Debian 12: what debootstrap calls its smallest variant, and an init. It is made once, kept outside of the clone, and
# never written to afterwards. The packages that are named are downloaded there and not installed, because a machine that
# boots from it has no network.
#   bare.sh PACKAGE...    prints its directory
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lightning-sync-exporter
# Another script or other packages are another directory.
name=$({ cat "$0" && echo "$*"; } | sha256sum)
root=$cache/debian-${name:0:12}
mkdir -p "$cache"
exec 9>"$cache/debian.lock"
flock 9
if [[ ! -d $root ]]; then
  rm -rf "$root.part"
  {
    debootstrap --variant=minbase --include=systemd-sysv bookworm "$root.part" http://deb.debian.org/debian
    cp /etc/resolv.conf "$root.part/etc/resolv.conf"
    chroot "$root.part" apt-get update
    DEBIAN_FRONTEND=noninteractive chroot "$root.part" apt-get install --yes --download-only "$@"
  } >&2
  mv "$root.part" "$root"
fi
echo "$root"
