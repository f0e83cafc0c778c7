#!/bin/sh
# Keeps this pod in its Redis Cluster; each step looks first and can be repeated, in any order and on all pods at once:
#   - meet: make peers known that are not, or not at their present address (pods keep names and change addresses);
#   - assign: when all pods know each other, ordinal 0 gives slots that nobody owns to the first MASTERS pods;
#   - follow: a server without slots, new or back with an empty volume, becomes the replica of its pair's other half;
#   - pursue: a replica goes after its master to the address that the others know, which Redis leaves undone;
#   - forget: what a pod was before it lost its volume.
# Slots that have an owner are never touched: promotion is the servers' own business.
set -u
here=$(dirname "$0")
# shellcheck source=components/redis/common.sh
. "$here/common.sh"
readonly SLOTS=16384 ORDINAL="${POD_NAME##*-}"
: "${MASTERS:?servers that start as masters}"
trap 'exit 143' TERM INT

# change DESCRIPTION HOST COMMAND...: runs a command that changes the cluster and says so.
change() {
  what=$1 changed_host=$2
  shift 2
  log "$what: $(ask "$changed_host" "$REDIS_PORT" cluster "$@")"
}

# knows HOST ADDRESS: whether the server has a working link to that pod at that address.
knows() {
  printf '%s\n' "$nodes" | awk -v host="$1" -v address="$2:$REDIS_PORT@" '
    index($2, address) == 1 && index($2 ",", "," host ",") && $3 !~ /handshake|fail|noaddr/ && $8 == "connected" {
      found = 1
    }
    END { exit !found }'
}

# Sets strangers to the number of pods that are not known yet.
meet() {
  strangers=0
  for host in $DATA_HOSTS; do
    [ "$host" = "$SELF_HOST" ] && continue
    address=$(getent ahosts "$host" | awk 'NR == 1 { print $1 }')
    if [ -n "$address" ] && knows "$host" "$address"; then continue; fi
    strangers=$((strangers + 1))
    if [ -z "$address" ] || [ "$(ask "$host" "$REDIS_PORT" ping)" != PONG ]; then continue; fi
    change "meeting $host at $address" 127.0.0.1 meet "$address" "$REDIS_PORT"
  done
}

slots_assigned() {
  ask "$1" "$REDIS_PORT" cluster info | field cluster_slots_assigned
}

# owner SLOT: id and flags of the node that has it.
owner() {
  printf '%s\n' "$nodes" | awk -v slot="$1" '
    {
      for (i = 9; i <= NF; i++) {
        if ($i ~ /^\[/) continue
        bounds = split($i, range, "-")
        if (range[1] + 0 <= slot && slot <= range[bounds] + 0) { print $1, $3; exit }
      }
    }'
}

# pair_slot N: first slot of the N-th pair of master and replica.
pair_slot() {
  echo $((SLOTS * $1 / MASTERS))
}

assign() {
  [ "$ORDINAL" = 0 ] && [ "$strangers" = 0 ] || return 0
  assigned=$(slots_assigned 127.0.0.1)
  [ "${assigned:-$SLOTS}" -lt "$SLOTS" ] || return 0
  # A pod that knows more has not told this one yet.
  for host in $DATA_HOSTS; do
    [ "$(slots_assigned "$host")" = "$assigned" ] || return 0
  done
  pair=0
  for host in $DATA_HOSTS; do
    [ "$pair" -lt "$MASTERS" ] || break
    first=$(pair_slot "$pair") last=$(($(pair_slot $((pair + 1))) - 1))
    if [ -z "$(owner "$first")" ]; then
      change "giving slots $first to $last to $host" "$host" addslotsrange "$first" "$last"
    fi
    pair=$((pair + 1))
  done
}

follow() {
  myself=$(printf '%s\n' "$nodes" | awk '$3 ~ /myself/ { print $3, $9 }')
  # Only a master without slots has none of its own and none of its master's.
  case $myself in *master*' ') ;; *) return 0 ;; esac
  [ "$(slots_assigned 127.0.0.1)" = "$SLOTS" ] || return 0
  master=$(owner "$(pair_slot $((ORDINAL % MASTERS)))")
  case $master in *fail* | *myself* | '') return 0 ;; esac
  change "following ${master%% *}" 127.0.0.1 replicate "${master%% *}"
}

# Redis tells its replication of a master's new address when the master brings it, not when gossip does.
pursue() {
  case $nodes in *myself,slave*) ;; *) return 0 ;; esac
  followed=$(ask 127.0.0.1 "$REDIS_PORT" info replication | field master_host)
  [ -n "$followed" ] || return 0
  moved=$(printf '%s\n' "$nodes" | awk -v followed="$followed" '
    $3 ~ /myself/ { master = $4 }
    $3 !~ /fail|noaddr|handshake/ && $8 == "connected" { address = $2; sub(/:[0-9]+@.*/, "", address); at[$1] = address }
    END { if (master in at && at[master] != followed) print master, at[master] }')
  [ -n "$moved" ] || return 0
  change "following ${moved%% *} from $followed to ${moved#* }" 127.0.0.1 replicate "${moved%% *}"
}

forget() {
  ghosts=$(printf '%s\n' "$nodes" | awk '
    { split($2, name, ","); host = name[2] }
    $3 !~ /fail|noaddr|handshake/ && $8 == "connected" { alive[host] = 1 }
    $3 ~ /fail(,|$)|noaddr/ && NF == 8 && host != "" { ghost[$1] = host }
    END { for (id in ghost) if (ghost[id] in alive) print id }')
  for id in $ghosts; do
    change "forgetting $id, whose pod has a new volume" 127.0.0.1 forget "$id"
  done
}

while true; do
  nodes=$(ask 127.0.0.1 "$REDIS_PORT" cluster nodes)
  # Anything else is no answer, or that the server is still loading.
  case $nodes in
    *myself*)
      pursue
      meet
      assign
      follow
      forget
      ;;
  esac
  sleep 2
done
