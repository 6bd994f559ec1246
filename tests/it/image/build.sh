#!/bin/bash
# Builds images as a user without rights: those that stand in for others, and ours as its Containerfile says. To be called
# within `unshare --mount --pid --fork --mount-proc --uts --ipc`.
#   build.sh DIRECTORY BASE [ARGUMENT...]    the directory has the programs in `programs` and, where ours is built with the
#                                            arguments, the sources in `source`; images stay there
# No registry of images is asked: the base images are made here, with the names that the files ask for.
set -euo pipefail
directory=$(realpath "$1")
base=$(realpath "$2")
here=$(dirname "$(realpath "$0")")
# As it is after a boot; nothing of it is seen outside.
mount --make-rshared /
mount -t tmpfs tmpfs /run
layer=/run/layer
mkdir -p $layer/{upper,work}
# Users are added to a copy.
mount -t overlay overlay -o lowerdir=/etc,upperdir=$layer/upper,workdir=$layer/work /etc
mount -t tmpfs tmpfs /sys/fs/cgroup
mount --bind "$directory" /mnt
. "$here/user.sh"
install -d -o someone -m 700 /run/user/4711
cp "$base" /mnt/base.tar
cd /mnt
# The network of this machine: what a build takes comes from where tests/run takes it.
podman() { as_user env BUILDAH_ISOLATION=chroot podman "$@"; }
podman import --quiet base.tar docker.io/library/debian:bookworm-slim
rm base.tar
declare -A names=(
  [rust]=docker.io/library/rust:1.95-bookworm
  [prometheus]=docker.io/prom/prometheus:v3.5.0
  [alertmanager]=docker.io/prom/alertmanager:v0.28.1
)
for stand_in in programs/*/Containerfile; do
  folder=${stand_in%/Containerfile}
  podman build --quiet --pull=never --tag "${names[${folder#programs/}]}" "$folder"
done
[[ ! -d source ]] || podman build --pull=never "${@:3}" --file source/deploy/container/Containerfile --tag lightning-sync-exporter:0.2.0 source
