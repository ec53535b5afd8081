#!/usr/bin/env bash
# Push one file with curl, going on where it broke off: push.sh https://huixin.example tax.filing 2025-10 filings.csv
# The key is read from the environment: HUIXIN_KEY=hx_... Run again after any break, with the same arguments.
set -euo pipefail
server=$1 item=$2 batch_key=$3 file=$4
ending=$(grep -oE '\.(csv(\.gz)?|jsonl(\.gz)?|parquet|xlsx)$' <<<"$file" | cut -c2-)
size=$(stat -c %s "$file") sha256=$(sha256sum "$file" | cut -d' ' -f1)
ask() { curl --silent --show-error --fail-with-body --retry 5 --header "X-API-Key: $HUIXIN_KEY" "$@"; }
field() { grep -oE "\"$1\":(\"[^\"]*\"|[0-9]+)" | head -1 | cut -d: -f2- | tr -d '"'; }
refused() { echo "$1" >&2; exit 2; }

declared=$(ask "$server/v1/uploads" --json "{\"item\":\"$item\",\"batch_key\":\"$batch_key\",\"ending\":\"$ending\",\
\"size\":$size,\"sha256\":\"$sha256\"}") || refused "$declared"
upload=$(field upload_id <<<"$declared") chunk=$(field chunk_bytes_most <<<"$declared")

while found=$(ask "$server/v1/uploads/$upload") || refused "$found"; [[ $(field state <<<"$found") == receiving ]]; do
    offset=$(field offset <<<"$found")
    dd if="$file" iflag=skip_bytes,count_bytes skip="$offset" count="$chunk" bs=1M status=none |
        ask -X PATCH "$server/v1/uploads/$upload" --output /dev/null --header "Upload-Offset: $offset" \
            --header "Content-Type: application/offset+octet-stream" --data-binary @- ||
        sleep 5 # the offset is asked anew, and is always true
done

receipt=
until grep -q '"jws"' <<<"$receipt"; do
    receipt=$(ask "$server/v1/uploads/$upload/receipt?wait=30") || refused "$receipt"
done
tee "$file.receipt.json" <<<"$receipt"
