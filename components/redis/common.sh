# shellcheck shell=sh disable=SC2034 # the sourcing scripts read the variables set here
# Sourced by the other scripts of the Redis pods: whom to ask, and how.
#   SELF_HOST       stable DNS name of this pod
#   DATA_HOSTS      DNS names of all data pods, ordinal 0 first
#   SENTINEL_HOSTS  DNS names of all Sentinel pods
#   MASTER_GROUP    name of the master group in Sentinel

# Words are compared and split by the shell alone: no locale may change that.
export LC_ALL=C
readonly REDIS_PORT=6379 SENTINEL_PORT=26379 PASSWORD_DIR=/etc/redis/passwords ACL_DIR=/etc/redis/acl
readonly CA_FILE=/etc/redis/tls/ca.crt
tls=''
if [ -e "$CA_FILE" ]; then tls="--tls --cacert $CA_FILE"; fi

log() {
  printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*" >&2
}

password() {
  cat "$PASSWORD_DIR/$1"
}

# ask HOST PORT COMMAND...: the reply without carriage returns; fails when there is none within 2 s.
ask() {
  asked_host=$1 asked_port=$2
  shift 2
  # shellcheck disable=SC2086 # options are meant to split into words
  reply=$(REDISCLI_AUTH=$(password node) timeout 2 \
    redis-cli $tls -h "$asked_host" -p "$asked_port" --user node --no-auth-warning "$@" 2>/dev/null) || return 1
  printf '%s\n' "$reply" | tr -d '\r'
}

# field NAME: value of one line of an INFO reply on standard input.
field() {
  sed -n "s/^$1://p"
}

# Sets sentinels_answered, and named_master to the host that most of the naming Sentinels name.
# A Sentinel without a master only counts as an answer: it has just lost, or not yet got, its memory.
ask_sentinels() {
  sentinels_answered=0 named_master='' names=''
  for host in $SENTINEL_HOSTS; do
    [ "$host" = "$SELF_HOST" ] && continue
    address=$(ask "$host" "$SENTINEL_PORT" sentinel get-master-addr-by-name "$MASTER_GROUP") || continue
    name=$(printf '%s\n' "$address" | head -n 1)
    # An error reply is words; a name is one word.
    case $name in *' '*) continue ;; esac
    sentinels_answered=$((sentinels_answered + 1))
    [ -n "$name" ] && names="$names$name
"
  done
  naming=$(printf '%s' "$names" | grep -c .)
  favourite=$(printf '%s' "$names" | sort | uniq -c | sort -rn | head -n 1)
  votes=$(printf '%s\n' "$favourite" | awk '{ print $1 + 0 }')
  if [ $((votes * 2)) -gt "$naming" ]; then
    named_master=$(printf '%s\n' "$favourite" | awk '{ print $2 }')
  fi
}

# Fewer answers than this may all be out of date.
sentinel_majority() {
  # shellcheck disable=SC2086 # the list is meant to split into words
  set -- $SENTINEL_HOSTS
  echo $(($# / 2 + 1))
}

# Asks the Sentinels, one after the other, to promote a replica; fails when none will.
request_failover() {
  for host in $SENTINEL_HOSTS; do
    answer=$(ask "$host" "$SENTINEL_PORT" sentinel failover "$MASTER_GROUP") || continue
    case $answer in OK* | INPROG*) return 0 ;; esac
    log "Sentinel $host will not fail over: $answer"
  done
  return 1
}

# Looks at every other data pod. Sets peers, peers_answered, peers_with_data, peers_that_followed_me
# (replicas that were in sync with this pod in their present life) and peer_master.
survey_peers() {
  peers=0 peers_answered=0 peers_with_data=0 peers_that_followed_me=0 peer_master='' most_replicas=-1
  for host in $DATA_HOSTS; do
    [ "$host" = "$SELF_HOST" ] && continue
    peers=$((peers + 1))
    info=$(ask "$host" "$REDIS_PORT" info) || continue
    role=$(printf '%s\n' "$info" | field role)
    [ -n "$role" ] || continue
    peers_answered=$((peers_answered + 1))
    # A server that is still loading has data, whatever it counts so far.
    if printf '%s\n' "$info" | grep -Eq '^(db[0-9]+:keys=|loading:1)'; then
      peers_with_data=$((peers_with_data + 1))
    fi
    if [ "$role" = master ]; then
      replicas=$(printf '%s\n' "$info" | field connected_slaves)
      if [ "$replicas" -gt "$most_replicas" ]; then
        peer_master=$host most_replicas=$replicas
      fi
    elif [ "$(printf '%s\n' "$info" | field master_host)" = "$SELF_HOST" ]; then
      # Redis reports -1 for a link that was never up.
      down=$(printf '%s\n' "$info" | field master_link_down_since_seconds)
      [ "${down:--1}" -ge 0 ] && peers_that_followed_me=$((peers_that_followed_me + 1))
    fi
  done
}
