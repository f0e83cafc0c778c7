#!/bin/sh
# Before a data pod stops: a master hands over to a replica, so that clients lose seconds and not a time-out.
# Writes are paused first: what the old master accepted after the promotion would be lost.
set -u
here=$(dirname "$0")
# shellcheck source=components/redis/common.sh
. "$here/common.sh"
: "${HANDOVER_WAIT:?seconds until the pod stops, handed over or not}"

local_replication() {
  ask 127.0.0.1 "$REDIS_PORT" info replication
}

# Whether each connected replica has acknowledged the master's last byte.
replicas_are_in_sync() {
  info=$(local_replication) || return 1
  offset=$(printf '%s\n' "$info" | field master_repl_offset)
  ! printf '%s\n' "$info" | grep '^slave[0-9]' | grep -qv "offset=$offset,"
}

info=$(local_replication) || exit 0
[ "$(printf '%s\n' "$info" | field role)" = master ] || exit 0
[ "$(printf '%s\n' "$info" | field connected_slaves)" -gt 0 ] || exit 0

deadline=$(($(date +%s) + HANDOVER_WAIT))
ask 127.0.0.1 "$REDIS_PORT" client pause $((HANDOVER_WAIT * 1000 + 5000)) write >/dev/null
until replicas_are_in_sync || [ "$(date +%s)" -ge "$deadline" ]; do sleep 0.1; done
until request_failover || [ "$(date +%s)" -ge "$deadline" ]; do sleep 0.5; done
while [ "$(date +%s)" -lt "$deadline" ]; do
  ask_sentinels
  if [ -n "$named_master" ] && [ "$named_master" != "$SELF_HOST" ]; then exit 0; fi
  sleep 0.2
done
