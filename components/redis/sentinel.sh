#!/bin/sh
# Starts a Sentinel pod. What it has learnt (master, epochs, replicas, Sentinels) comes from its volume;
# settings and passwords come from the cluster at each start. Without a memory it first runs with no master,
# so that the data pods see an answer, until another Sentinel or a running master tells it whom to monitor.
set -u
here=$(dirname "$0")
# shellcheck source=components/redis/common.sh
. "$here/common.sh"
readonly STATE=/data/sentinel.conf
: "${QUORUM:?Sentinels that must agree that the master is down}"
umask 077

# learnt: the lines of the last run that are memory, not settings; the quorum is a setting inside one of them.
learnt() {
  [ -f "$STATE" ] || return 0
  grep -E '^sentinel (monitor|config-epoch|leader-epoch|current-epoch|known-replica|known-sentinel) ' "$STATE" |
    sed "s/^\(sentinel monitor [^ ]* [^ ]* [0-9]*\) [0-9]*$/\1 $QUORUM/"
}

# write_state MEMORY: the configuration made of settings, passwords and the given lines.
write_state() {
  {
    cat "$here/sentinel.conf"
    # The identity follows the pod, so a lost volume does not leave a ghost among the Sentinels.
    echo "sentinel myid $(printf '%s' "$SELF_HOST" | sha1sum | cut -c 1-40)"
    echo "sentinel announce-ip $SELF_HOST"
    echo "sentinel sentinel-user sentinel"
    echo "sentinel sentinel-pass $(password sentinel)"
    if [ -n "$1" ]; then
      printf '%s\n' "$1"
      cat "$here/sentinel-master.conf"
      echo "sentinel auth-user $MASTER_GROUP sentinel"
      echo "sentinel auth-pass $MASTER_GROUP $(password sentinel)"
    fi
  } >"$STATE.new" && mv "$STATE.new" "$STATE"
}

find_master() {
  ask_sentinels
  if [ -z "$named_master" ]; then
    survey_peers
    named_master=$peer_master
  fi
}

memory=$(learnt)
case $memory in *'sentinel monitor '*) ;; *) memory='' ;; esac
if [ -z "$memory" ]; then
  log "no master is known yet"
  write_state '' || exit 1
  redis-server "$STATE" --sentinel &
  without_master=$!
  trap 'kill "$without_master"; exit 143' TERM INT
  find_master
  while [ -z "$named_master" ]; do
    sleep 1
    kill -0 "$without_master" || exit 1
    find_master
  done
  kill "$without_master"
  wait "$without_master"
  log "monitoring $named_master"
  memory="sentinel monitor $MASTER_GROUP $named_master $REDIS_PORT $QUORUM"
fi
write_state "$memory" || exit 1
exec redis-server "$STATE" --sentinel
