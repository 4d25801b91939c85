#!/bin/sh
# A question with curl: PENSTOCK_URL and PENSTOCK_API_KEY say where and who.
set -eu
url=${PENSTOCK_URL:-http://127.0.0.1:8000}
question=${1:-What was the mean current of WLD001 in the last hour?}
conversation=$(curl -sf -X POST "$url/api/v1/conversations" -H "Authorization: Bearer $PENSTOCK_API_KEY" \
  -H 'Content-Type: application/json' -d '{}' | sed 's/.*"id": *"\([^"]*\)".*/\1/')
curl -sfN "$url/api/v1/conversations/$conversation/stream" -H "Authorization: Bearer $PENSTOCK_API_KEY" \
  -H 'Content-Type: application/json' -d "{\"role\": \"user\", \"content\": \"$question\"}"
