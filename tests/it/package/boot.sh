#!/bin/bash
# A second machine within this one: its root is what we have, or what lies in another directory, under a layer that is
# thrown away; systemd runs it and ends with what a script did there. To be called within
# `unshare --mount --pid --fork --cgroup --uts --ipc --net`.
#   boot.sh DIRECTORY SCRIPT [ROOT]    the script sees the directory as /life; what it says will be DIRECTORY/report
set -euo pipefail
shared=$(realpath "$1")
script=$(realpath "$2")
below=$(realpath "${3:-/}")

# It goes with the directory.
layer=$shared/layer
mkdir -p "$layer"
mount -t tmpfs none "$layer"
root=$layer/root
mkdir "$layer"/{upper,work,root,shared}
mount --bind "$shared" "$layer/shared"
mount -t overlay overlay -o "lowerdir=$below,upperdir=$layer/upper,workdir=$layer/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for place in run tmp; do mount -t tmpfs tmpfs "$root/$place"; done
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full random urandom tty; do
  touch "$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/shm" "$root/dev/pts" "$root/life"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount --bind "$layer/shared" "$root/life"
cp "$script" "$root/usr/local/bin/life"
chmod 755 "$root/usr/local/bin/life"

# Nothing of this machine's own services, policies and file systems starts there.
rm -rf "$root/etc/systemd/system" "$root/etc/fstab" "$root/usr/sbin/policy-rc.d"
mkdir -p "$root/etc/systemd/system"
: >"$root/etc/machine-id"
cat >"$root/etc/systemd/system/life.service" <<'UNIT'
[Unit]
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
Environment=DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
ExecStart=/usr/local/bin/life
StandardOutput=truncate:/life/report
StandardError=truncate:/life/errors
UNIT
# Not chroot: services get file systems of their own, which takes a root that is mounted.
cd "$root"
mkdir before
pivot_root . before
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /bin/sh -c 'umount -l /before && mount --make-rshared / && exec /lib/systemd/systemd --system --unit=life.service --show-status=no --log-target=journal' \
  </dev/null >/dev/null 2>&1
