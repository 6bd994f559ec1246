#!/bin/bash
# Where root of this machine keeps images, with the base image of the Containerfile: made once, and kept beside what is
# compiled.
#   storage.sh DIRECTORY BASE    prints the file for CONTAINERS_STORAGE_CONF
set -euo pipefail
mkdir -p "$1"
directory=$(realpath "$1")
exec 9>"$directory/lock"
flock 9
cat >"$directory/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$directory/images"
runroot = "$directory/run"
CONF
export CONTAINERS_STORAGE_CONF=$directory/storage.conf
podman image exists debian:bookworm-slim || podman import --quiet "$2" docker.io/library/debian:bookworm-slim >&2
echo "$CONTAINERS_STORAGE_CONF"
