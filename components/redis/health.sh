#!/bin/sh
# health.sh server|sentinel|cluster alive|ready: the probes of every kind of pod.
set -u
here=$(dirname "$0")
# shellcheck source=components/redis/common.sh
. "$here/common.sh"

# A replica that Sentinel had not heard of when it failed over goes on following the old master, now a replica itself:
# Sentinel never corrects it, and writes reach it only through that other replica.
leave_chain() {
  [ "$(printf '%s\n' "$1" | field role)" = slave ] || return 0
  followed=$(printf '%s\n' "$1" | field master_host)
  [ "$(ask "$followed" "$REDIS_PORT" info | field role)" = slave ] || return 0
  ask_sentinels
  [ "$sentinels_answered" -ge "$(sentinel_majority)" ] || return 0
  case $named_master in '' | "$followed" | "$SELF_HOST") return 0 ;; esac
  ask 127.0.0.1 "$REDIS_PORT" replicaof "$named_master" "$REDIS_PORT" >/dev/null
}

# Whether the server of a Cluster has slots, or follows one that has, and the Cluster serves all of them.
cluster_serves() {
  state=$(ask 127.0.0.1 "$REDIS_PORT" cluster info) || return 1
  [ "$(printf '%s\n' "$state" | field cluster_state)" = ok ] || return 1
  [ "$(printf '%s\n' "$state" | field cluster_slots_assigned)" = 16384 ] || return 1
  if ask 127.0.0.1 "$REDIS_PORT" info replication | grep -q '^role:master'; then
    ask 127.0.0.1 "$REDIS_PORT" cluster nodes | awk '$3 ~ /myself/ && NF > 8 { found = 1 } END { exit !found }'
  else
    ask 127.0.0.1 "$REDIS_PORT" info replication | grep -q '^master_link_status:up'
  fi
}

case "$1 $2" in
  # Any answer will do, LOADING too: a server that reads its files must not be killed.
  'server alive' | 'cluster alive') [ -n "$(ask 127.0.0.1 "$REDIS_PORT" ping)" ] ;;
  'server ready')
    info=$(ask 127.0.0.1 "$REDIS_PORT" info) || exit 1
    leave_chain "$info"
    printf '%s\n' "$info" | awk -F: '
      /^loading:1/ { loading = 1 }
      /^role:master/ || /^master_link_status:up/ { serving = 1 }
      END { exit !(serving && !loading) }'
    ;;
  'cluster ready') cluster_serves ;;
  'sentinel alive') [ "$(ask 127.0.0.1 "$SENTINEL_PORT" ping)" = PONG ] ;;
  'sentinel ready') [ -n "$(ask 127.0.0.1 "$SENTINEL_PORT" sentinel get-master-addr-by-name "$MASTER_GROUP")" ] ;;
  *)
    echo "usage: health.sh server|sentinel|cluster alive|ready" >&2
    exit 2
    ;;
esac
