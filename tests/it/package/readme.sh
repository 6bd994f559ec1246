#!/bin/bash
# The steps of README.md on a bare Debian, with the files of a release alone, and somebody at the other end of the webhooks.
. /life/webhook.sh
# Nobody is there to answer apt's question.
echo 'APT::Get::Assume-Yes "true";' >/etc/apt/apt.conf.d/yes
begun=$SECONDS
cd /life/release
. /life/block1 >/life/dpkg.log 2>&1
echo "installed after $((SECONDS - begun)) s"
for number in 2 3 4; do . "/life/block$number"; done
echo "first graph after $((SECONDS - begun)) s"
. /life/block5
echo "first page after $((SECONDS - begun)) s"
grep -q LightningSyncTestPage /life/webhook.log
