#!/bin/sh
# The broker. Its password comes from the environment into a file, never into an argument, which
# every process of the machine could read.
set -eu
: "${REDIS_PASSWORD:?is needed}"
config="${REDIS_CONFIG:-/tmp/redis.conf}"
umask 077
cat >"$config" <<END
bind * -::*
port ${REDIS_PORT:-6379}
requirepass "$REDIS_PASSWORD"
dir "${REDIS_FOLDER:-/data}"
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
END
exec redis-server "$config"
