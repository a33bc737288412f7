#!/usr/bin/env bash
# Runs the six binaries of a folder as processes of their own, on the PostgreSQL and Redis of with-services.sh.
#
#   tests/with-services.sh tests/run-split.sh target/fast
set -euo pipefail

folder=${1:?the folder of the binaries}
services=(intake dispatch parts-inventory complaint survey gateway)
server=${AFTERCARE_TEST_POSTGRES%/*}

export AFTERCARE__BUS__KIND=redis
export AFTERCARE__BUS__URL=$AFTERCARE_TEST_REDIS
export AFTERCARE__TELEMETRY__LOG_FILTER=${AFTERCARE__TELEMETRY__LOG_FILTER:-warn}
port=50051
for service in "${services[@]}"; do
  key=${service//-/_}
  name=${key^^}
  [[ $service == gateway ]] || export "AFTERCARE__PEERS__$name=http://127.0.0.1:$port"
  [[ $service == gateway ]] || export "AFTERCARE_${name}__LISTEN=127.0.0.1:$port"
  export "AFTERCARE_${name}__ADMIN=127.0.0.1:$((port + 1000))"
  export "AFTERCARE_${name}__DATABASE__URL=$server/$key"
  psql -q "$AFTERCARE_TEST_POSTGRES" -c "CREATE DATABASE $key"
  "$folder/aftercare-$service" migrate >/dev/null
  port=$((port + 1))
done
export AFTERCARE_GATEWAY__LISTEN=${AFTERCARE_GATEWAY__LISTEN:-127.0.0.1:8080}

# Nobody can come in before somebody is made.
"$folder/aftercare-gateway" admin create --username admin

pids=()
stop() {
  trap - INT TERM EXIT
  kill -TERM "${pids[@]}" 2>/dev/null || true
  wait "${pids[@]}" 2>/dev/null || true
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
for service in "${services[@]}"; do
  "$folder/aftercare-$service" serve &
  pids+=($!)
done
echo "six processes are starting; http://$AFTERCARE_GATEWAY__LISTEN/ is the door, http://$AFTERCARE_GATEWAY__LISTEN/docs the reference"
echo "ctrl-c stops them and throws their data away"
# The first one that ends ends all: a service missing would only look like a slow one.
wait -n "${pids[@]}"
