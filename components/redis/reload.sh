#!/bin/sh
# reload.sh REVISION acl|all: makes the running server use the Secrets of that revision, without a restart:
#   acl  the logins that it accepts;
#   all  and the passwords that it logs in with at other pods.
# Exit 75: the kubelet has not brought that revision to this pod yet; ask again.
set -u
here=$(dirname "$0")
# shellcheck source=components/redis/common.sh
. "$here/common.sh"
readonly REVISION="$1" WHAT="$2" SYNC_SECONDS=20

# mounted FOLDER: whether the Secret there is of the revision.
mounted() {
  [ "$(cat "$1/revision")" = "$REVISION" ]
}

is_mounted() {
  mounted "$ACL_DIR" || return 1
  [ "$WHAT" = acl ] || mounted "$PASSWORD_DIR"
}

# must COMMAND...: sends it to this pod's server; ends the script unless the answer is OK.
must() {
  answer=$(ask 127.0.0.1 "$PORT" "$@")
  [ "$answer" = OK ] && return
  log "$*: ${answer:-no answer}"
  exit 1
}

# set_password USER COMMAND...: the same with the password of a user as the last word, which no process list shows.
set_password() {
  user=$1
  shift
  password "$user" | must -x "$@" || exit 1
}

if [ -e "$ACL_DIR/sentinel.acl" ]; then PORT=$SENTINEL_PORT; else PORT=$REDIS_PORT; fi
deadline=$(($(date +%s) + SYNC_SECONDS))
until is_mounted; do
  [ "$(date +%s)" -lt "$deadline" ] || exit 75
  sleep 0.2
done
must acl load
[ "$WHAT" = all ] || exit 0
if [ "$PORT" = "$SENTINEL_PORT" ]; then
  set_password sentinel sentinel set "$MASTER_GROUP" auth-pass
  set_password sentinel sentinel config set sentinel-pass
else
  set_password replica config set masterauth
fi
