#!/bin/sh
# Pages, etags and repeats.
set -eu
API=${API:-http://127.0.0.1:8080}
TOKEN=${TOKEN:-}
api() { curl -sf ${TOKEN:+-H "authorization: Bearer $TOKEN"} "$@"; }
field() { grep -o "\"$1\": *\"[^\"]*\"" | head -1 | cut -d'"' -f4; }

# A create that may be sent again: the same key and body give the first answer.
KEY="key-$(date +%s)-$$"
for _ in 1 2; do
  CUSTOMER=$(api -H 'content-type: application/json' -H "idempotency-key: $KEY" "$API/v1/customers" \
    -d '{"name": "Li Xiaoming", "phones": [{"number": "+8613800138000"}]}' | field customerId)
  echo "$CUSTOMER"
done

# An update says which version it is based on; a stale one is refused with 409.
ETAG=$(api "$API/v1/customers/$CUSTOMER" | field etag)
api -X PATCH -H 'content-type: application/json' -H "if-match: \"$ETAG\"" "$API/v1/customers/$CUSTOMER" \
  -d '{"updateMask": "notes", "notes": "prefers mornings"}' | field etag
curl -s -o /dev/null -w '%{http_code}\n' ${TOKEN:+-H "authorization: Bearer $TOKEN"} -X PATCH \
  -H 'content-type: application/json' -H "if-match: \"$ETAG\"" "$API/v1/customers/$CUSTOMER" \
  -d '{"updateMask": "notes", "notes": "prefers evenings"}'

# All pages of a list.
NEXT=
while :; do
  PAGE=$(api "$API/v1/customers?page_size=2&page_token=$NEXT")
  printf '%s' "$PAGE" | grep -o '"customerId": *"[^"]*"' | wc -l
  NEXT=$(printf '%s' "$PAGE" | field nextPageToken)
  [ -n "$NEXT" ] || break
done
