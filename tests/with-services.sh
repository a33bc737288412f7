#!/usr/bin/env bash
# Runs a command beside a throw-away PostgreSQL and Redis on 127.0.0.1 (free ports, data in memory when the machine has
# /dev/shm), with AFTERCARE_TEST_POSTGRES and AFTERCARE_TEST_REDIS exported. Both are stopped and removed afterwards,
# whatever happened.
#
#   tests/with-services.sh cargo nextest run --workspace
#   tests/with-services.sh --keep FILE      leaves them running; FILE gets the exports and the pids
set -euo pipefail

say() { printf '%s\n' "with-services: $*" >&2; }

if [[ $# -eq 0 || ( $1 == --keep && $# -ne 2 ) ]]; then
  say "usage: $0 COMMAND... | --keep FILE"
  exit 2
fi

postgres_bin() {
  local found
  found=$(command -v initdb || true)
  if [[ -z $found ]]; then
    found=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
  fi
  [[ -x $found ]] && dirname "$found"
}

# PostgreSQL starts no cluster of its own on installation: a machine of tests wants no second server.
install_missing() {
  local missing=()
  postgres_bin >/dev/null || missing+=(postgresql)
  command -v redis-server >/dev/null || missing+=(redis-server)
  [[ ${#missing[@]} -eq 0 ]] && return
  if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
    say "missing: ${missing[*]}; install them, or run as root on Debian"
    exit 1
  fi
  say "installing ${missing[*]}"
  mkdir -p /etc/postgresql-common
  [[ -e /etc/postgresql-common/createcluster.conf ]] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  apt-get update -qq
  # Packages must not start daemons of their own while we install.
  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# PostgreSQL refuses to run as root; everybody else runs it as themselves.
as_postgres() {
  if [[ $(id -u) -eq 0 ]]; then
    (cd "$work" && setpriv --reuid=postgres --regid=postgres --init-groups -- "$@")
  else
    "$@"
  fi
}

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  printf '%s' "$port"
}

stop_pid() {
  local pid=$1 signal=$2
  [[ -n $pid ]] && kill -0 "$pid" 2>/dev/null || return 0
  kill "-$signal" "$pid" 2>/dev/null || return 0
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
}

stop() {
  stop_pid "${postgres_pid:-}" INT
  stop_pid "${redis_pid:-}" TERM
  rm -rf "$work"
}

start_postgres() {
  local bin=$1 port
  as_postgres "$bin/initdb" -D "$work/postgres" -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null
  for _ in 1 2 3 4 5; do
    port=$(free_port)
    as_postgres "$bin/pg_ctl" -D "$work/postgres" -l "$work/postgres.log" -w -t 60 -s \
      -o "-h 127.0.0.1 -p $port -k $work -c max_connections=400 -c shared_buffers=128MB -c fsync=on -c synchronous_commit=on -c max_wal_size=512MB" \
      start && break
    port=
  done
  if [[ -z $port ]]; then
    cat "$work/postgres.log" >&2
    exit 1
  fi
  postgres_pid=$(head -n 1 "$work/postgres/postmaster.pid")
  export AFTERCARE_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres"
}

start_redis() {
  local port
  for _ in 1 2 3 4 5; do
    port=$(free_port)
    # A session of its own: ctrl-c stops the command first, and us after it.
    setsid redis-server --bind 127.0.0.1 --port "$port" --dir "$work" --save '' --appendonly yes --appendfsync everysec \
      --maxmemory-policy noeviction >"$work/redis.log" 2>&1 &
    redis_pid=$!
    for _ in $(seq 100); do
      kill -0 "$redis_pid" 2>/dev/null || break
      if [[ $(redis-cli -h 127.0.0.1 -p "$port" ping 2>/dev/null) == PONG ]]; then
        export AFTERCARE_TEST_REDIS="redis://127.0.0.1:$port"
        return
      fi
      sleep 0.1
    done
  done
  cat "$work/redis.log" >&2
  exit 1
}

install_missing
base=${TMPDIR:-/tmp}
# In memory when there is room for it (containers often have 64 MB there).
if [[ -w /dev/shm && $(df -k --output=avail /dev/shm | tail -n 1) -gt 2000000 ]]; then
  base=/dev/shm
fi
work=$(mktemp -d "$base/aftercare-test.XXXXXX")
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
[[ $(id -u) -eq 0 ]] && chown postgres: "$work"
bin=$(postgres_bin)
export PATH="$bin:$PATH"
start_postgres "$bin"
start_redis

if [[ $1 == --keep ]]; then
  {
    echo "export AFTERCARE_TEST_POSTGRES=$AFTERCARE_TEST_POSTGRES"
    echo "export AFTERCARE_TEST_REDIS=$AFTERCARE_TEST_REDIS"
    echo "# PostgreSQL is process $postgres_pid, Redis $redis_pid, data in $work: stop both, then remove the folder."
  } >"$2"
  disown "$redis_pid"
  trap - EXIT
  exit 0
fi

"$@" &
command_pid=$!
# A signal to us ends the command (in the background it is deaf to INT), and we still stop the servers.
trap 'kill -TERM "$command_pid" 2>/dev/null || true' INT TERM HUP
status=0
wait "$command_pid" || status=$?
if kill -0 "$command_pid" 2>/dev/null; then
  wait "$command_pid" || status=$?
fi
exit "$status"
