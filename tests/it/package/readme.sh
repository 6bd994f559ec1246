#!/bin/bash
# The steps of README.md on a machine of its own, with somebody at the other end of the webhooks.
. /life/webhook.sh
begun=$SECONDS
# The first step; the other two packages are on this machine already.
cd /life
apt-get install -y ./old.deb prometheus prometheus-alertmanager >/life/dpkg.log 2>&1
for number in 2 3 4; do . "/life/block$number"; done
echo "first graph after $((SECONDS - begun)) s"
. /life/block5
echo "first page after $((SECONDS - begun)) s"
grep -q LightningSyncTestPage /life/webhook.log
