#!/bin/sh
# Lists as tables: straight away, and as a job for long ones.
set -eu
API=${API:-http://127.0.0.1:8080}
TOKEN=${TOKEN:-}   # an access token; see "Signing in"
api() { curl -sf ${TOKEN:+-H "authorization: Bearer $TOKEN"} "$@"; }
field() { grep -o "\"$1\": *\"[^\"]*\"" | head -1 | cut -d'"' -f4; }

# Any list, with its filters, as CSV or as a workbook.
api "$API/v1/customers?order_by=name&format=csv" | head -1
api -o "${TMPDIR:-/tmp}/customers.xlsx" "$API/v1/customers?format=xlsx"

# A long one as a job: start it, wait, fetch it. The Idempotency-Key makes it one job, however often the call is repeated.
JOB=$(api -H 'content-type: application/json' -H 'idempotency-key: my-export-1' "$API/v1/exports" \
  -d '{"path": "/v1/customers", "query": "order_by=name", "format": "SHEET_FORMAT_CSV"}' | field jobId)
until [ "$(api "$API/v1/jobs/$JOB" | field state)" = JOB_STATE_DONE ]; do sleep 0.2; done
RESULT=$(api "$API/v1/jobs/$JOB" | field resultUrl)
curl -sf "$API$RESULT" | head -1
