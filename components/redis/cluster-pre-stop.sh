#!/bin/sh
# Before a server of a Redis Cluster stops: a master lets its replica take over, which loses no write.
set -u
here=$(dirname "$0")
# shellcheck source=components/redis/common.sh
. "$here/common.sh"
: "${HANDOVER_WAIT:?seconds until the pod stops, handed over or not}"

# Names of the replicas of this server that it can talk to.
replicas() {
  ask 127.0.0.1 "$REDIS_PORT" cluster nodes | awk '
    { split($2, name, ","); host[$1] = name[2]; master[$1] = $4; usable[$1] = $3 !~ /fail/ && $8 == "connected" }
    $3 ~ /myself/ { self = $1 }
    END { for (id in host) if (master[id] == self && usable[id]) print host[id] }'
}

is_master() {
  [ "$(ask 127.0.0.1 "$REDIS_PORT" info replication | field role)" = master ]
}

is_master || exit 0
deadline=$(($(date +%s) + HANDOVER_WAIT))
for host in $(replicas); do
  log "handing over to $host: $(ask "$host" "$REDIS_PORT" cluster failover)"
done
while is_master && [ "$(date +%s)" -lt "$deadline" ]; do sleep 0.2; done
