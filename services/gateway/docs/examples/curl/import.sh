#!/bin/sh
# Records out of a file: first only checked, then made.
set -eu
API=${API:-http://127.0.0.1:8080}
TOKEN=${TOKEN:-}
api() { curl -sf ${TOKEN:+-H "authorization: Bearer $TOKEN"} "$@"; }
field() { grep -o "\"$1\": *\"[^\"]*\"" | head -1 | cut -d'"' -f4; }

# The headings, in your language, with an example.
api -H 'accept-language: zh-CN' "$API/v1/import-templates/IMPORT_KIND_CUSTOMERS" | head -1

import() { # dry_run file
  JOB=$(api -X POST -H 'content-type: text/csv' --data-binary "@$2" \
    "$API/v1/imports?kind=IMPORT_KIND_CUSTOMERS&dryRun=$1" | field jobId)
  until api "$API/v1/jobs/$JOB" | grep -q '"state": *"JOB_STATE_DONE"'; do sleep 0.2; done
  api "$API/v1/jobs/$JOB"
}
FILE=$(mktemp)
printf 'name,phone,birthday\nLi Xiaoming,13800138000,1990-05-17\nWang Fang,13800138001,some day\n' > "$FILE"
# Line 3 is named with its column and its reason; nothing is written.
import true "$FILE" | grep -o '"reason": *"[A-Z_]*"'
# Line 2 becomes a customer.
import false "$FILE" | field rowsBad
rm "$FILE"
