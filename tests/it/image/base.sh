#!/bin/bash
# Debian's root file system as the image `debian:bookworm-slim` has it, as an archive: made once, and kept beside what is
# compiled.
#   base.sh FILE
set -euo pipefail
file=$1
mkdir -p "$(dirname "$file")"
exec 9>"$file.lock"
flock 9
[[ ! -s $file ]] || exit 0
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase bookworm "$root" http://deb.debian.org/debian >&2
# What the slim image leaves out, and device nodes, which nobody but root could unpack.
tar -C "$root" --exclude='./usr/share/doc/*' --exclude='./usr/share/locale/*' --exclude='./usr/share/man/*' \
  --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' --exclude='./dev/*' -cf "$file.part" .
mv "$file.part" "$file"
