# A user without rights, who has ids for containers of his own; to be read by the scripts beside this one, in a mount
# namespace of theirs: `mine` is his directory, at the same place in each of them.
mine=/mnt
useradd --uid 4711 --home-dir "$mine" --no-create-home --shell /bin/bash someone
echo someone:200000:65536 | tee /etc/subuid >/etc/subgid
chown someone: "$mine"
# Where the kernel gives its controllers to cgroups of version 1, a machine within this one has none to limit with.
install -d -o someone "$mine/.config/containers"
printf '[containers]\npids_limit = 0\n' >"$mine/.config/containers/containers.conf"
# Overlay, which the kernel has for users, too; Debian's podman takes copies where /dev/fuse is root's.
as_user() {
  setpriv --reuid someone --regid someone --init-groups env -i HOME="$mine" USER=someone LC_ALL=C.UTF-8 \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin XDG_RUNTIME_DIR=/run/user/4711 \
    DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/4711/bus STORAGE_DRIVER=overlay "$@"
}
