#!/bin/sh
# health.sh server|sentinel alive|ready: the probes of both kinds of pod.
set -u
here=$(dirname "$0")
# shellcheck source=components/redis/common.sh
. "$here/common.sh"

case "$1 $2" in
  # Any answer will do, LOADING too: a server that reads its files must not be killed.
  'server alive') [ -n "$(ask 127.0.0.1 "$REDIS_PORT" ping)" ] ;;
  'server ready')
    ask 127.0.0.1 "$REDIS_PORT" info | awk -F: '
      /^loading:1/ { loading = 1 }
      /^role:master/ || /^master_link_status:up/ { serving = 1 }
      END { exit !(serving && !loading) }'
    ;;
  'sentinel alive') [ "$(ask 127.0.0.1 "$SENTINEL_PORT" ping)" = PONG ] ;;
  'sentinel ready') [ -n "$(ask 127.0.0.1 "$SENTINEL_PORT" sentinel get-master-addr-by-name "$MASTER_GROUP")" ] ;;
  *)
    echo "usage: health.sh server|sentinel alive|ready" >&2
    exit 2
    ;;
esac
