#!/bin/sh
# Starts a server of a Redis Cluster. Who is master of which slots it knows from its volume (nodes.conf);
# keeper.sh, beside it, brings the servers together.
set -u
here=$(dirname "$0")
# shellcheck source=components/redis/common.sh
. "$here/common.sh"
: "${POD_IP:?address of this pod}"
umask 077
{
  cat "$here/redis.conf"
  echo "cluster-announce-ip $POD_IP"
  echo "cluster-announce-hostname $SELF_HOST"
  echo "masteruser replica"
  echo "masterauth $(password replica)"
} >/data/redis.conf.new && mv /data/redis.conf.new /data/redis.conf || exit 1
exec redis-server /data/redis.conf
