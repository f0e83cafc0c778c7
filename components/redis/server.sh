#!/bin/sh
# Starts a Redis data pod as master or replica. Sentinel's choice always wins; data are never given up:
#   - Sentinels name another pod: follow it.
#   - Sentinels name this pod: lead, unless its volume is empty while others have data, or replicas that
#     were in sync are still running (they hold every write WAIT confirmed; this pod's last second of
#     append-only file may be missing after a node crash): then ask for a failover instead.
#   - Sentinels know no master (first start, or their volumes are lost): follow a running master; else the
#     pod whose own configuration says it led leads; with no data anywhere, ordinal 0 leads.
#   - Too few Sentinels answer: wait; after SENTINEL_WAIT seconds a running master is followed, but nobody leads.
set -u
here=$(dirname "$0")
# shellcheck source=components/redis/common.sh
. "$here/common.sh"
readonly DATA_DIR=/data SENTINEL_WAIT=60
: "${FAILOVER_WAIT:?seconds to wait for a promotion that was asked for}"
trap 'exit 143' TERM INT

has_data() {
  [ -s "$DATA_DIR/dump.rdb" ] || [ -n "$(ls -A "$DATA_DIR/appendonlydir" 2>/dev/null)" ]
}

# The master this pod last followed, or its own name when it led; empty on a new volume.
# Sentinel has Redis rewrite the file at each change of role.
remembered_master() {
  [ -f "$DATA_DIR/redis.conf" ] || return 0
  last=$(sed -n 's/^replicaof \([^ ]*\) .*/\1/p' "$DATA_DIR/redis.conf")
  printf '%s\n' "${last:-$SELF_HOST}"
}

# Each decide_* sets decision to 'lead', 'follow', or 'wait'; and master, or why.
lead() { decision=lead; }
follow() { decision=follow master=$1; }
wait_for() { decision='wait' why=$1; }

decide_when_named() {
  survey_peers
  if has_data; then
    : "${lead_after:=$(($(date +%s) + FAILOVER_WAIT))}"
    if [ "$peers_that_followed_me" -gt 0 ] && [ "$(date +%s)" -lt "$lead_after" ]; then
      request_failover
      wait_for "the promotion of a replica that holds every confirmed write"
    else
      lead
    fi
  elif [ "$peers_with_data" -gt 0 ]; then
    request_failover
    wait_for "the promotion of a replica: the volume of this pod, the elected master, is empty"
  elif [ "$peers_answered" -lt "$peers" ]; then
    wait_for "all other pods ($peers_answered of $peers answer): the volume of this elected master is empty"
  else
    lead
  fi
}

decide_when_none_is_named() {
  survey_peers
  if [ -n "$peer_master" ]; then
    follow "$peer_master"
  elif has_data; then
    remembered=$(remembered_master)
    if [ "${remembered:-$SELF_HOST}" = "$SELF_HOST" ]; then lead; else follow "$remembered"; fi
  elif [ "$SELF_HOST" != "${DATA_HOSTS%% *}" ]; then
    # Harmless while empty, and lets ordinal 0 see that nobody has data.
    follow "${DATA_HOSTS%% *}"
  elif [ "$peers_answered" -lt "$peers" ]; then
    wait_for "all other pods ($peers_answered of $peers answer) to see whether any has data"
  elif [ "$peers_with_data" -gt 0 ]; then
    wait_for "a master: this pod is empty, others have data, no Sentinel names one; promote one with REPLICAOF NO ONE"
  else
    lead
  fi
}

decide() {
  ask_sentinels
  if [ "$sentinels_answered" -ge "$(sentinel_majority)" ]; then
    do_without_after=''
    if [ -z "$named_master" ] && [ -n "$names" ]; then
      wait_for "the Sentinels to agree"
    elif [ -z "$named_master" ]; then
      decide_when_none_is_named
    elif [ "$named_master" = "$SELF_HOST" ]; then
      decide_when_named
    else
      follow "$named_master"
    fi
    return
  fi
  : "${do_without_after:=$(($(date +%s) + SENTINEL_WAIT))}"
  wait_for "a majority of the Sentinels ($sentinels_answered answer)"
  [ "$(date +%s)" -gt "$do_without_after" ] || return
  survey_peers
  if [ -n "$peer_master" ]; then follow "$peer_master"; fi
}

write_configuration() {
  umask 077
  {
    cat "$here/redis.conf"
    echo "replica-announce-ip $SELF_HOST"
    echo "masteruser replica"
    echo "masterauth $(password replica)"
    if [ "$decision" = follow ]; then echo "replicaof $master $REDIS_PORT"; fi
  } >"$DATA_DIR/redis.conf.new" && mv "$DATA_DIR/redis.conf.new" "$DATA_DIR/redis.conf"
}

do_without_after='' lead_after='' logged=''
decide
while [ "$decision" = 'wait' ]; do
  if [ "$why" != "$logged" ]; then
    log "waiting for $why"
    logged=$why
  fi
  sleep 1
  decide
done
if [ "$decision" = lead ]; then log "starting as master"; else log "starting as replica of $master"; fi
write_configuration || exit 1
exec redis-server "$DATA_DIR/redis.conf"
