#!/usr/bin/env bash
# The documentation's examples, pasted. Needs SERVER and ADMIN_KEY; fails at the first answer without a documented field.
set -euo pipefail

# has TEXT FIELD...: each "field": is there.
has() {
    local text=$1 field
    shift
    for field in "$@"; do
        grep -q "\"$field\":" <<<"$text" || { echo "no \"$field\" in: $text"; exit 1; }
    done
}

# value TEXT FIELD: a text field's value.
value() { sed -E "s/.*\"$2\":\"([^\"]*)\".*/\1/" <<<"$1"; }

health=$(curl -sf "$SERVER/health")
grep -qE '^\{"status":"ok","timestamp":[0-9]+,"version":"1\.0\.0"\}$' <<<"$health" || { echo "$health"; exit 1; }

user=$(curl -sf -X POST "$SERVER/api/v1/admin/users" \
  -H "Content-Type: application/json" \
  -d '{"admin_key":"'"$ADMIN_KEY"'"}')
has "$user" user_id access_key

custom=$(curl -sf -X POST "$SERVER/api/v1/admin/users" \
  -H "Content-Type: application/json" \
  -d '{"admin_key":"'"$ADMIN_KEY"'", "user_id":"custom_user_id"}')
[ "$(value "$custom" user_id)" = custom_user_id ]

login=$(curl -sf -X POST "$SERVER/api/v1/auth/login" \
  -H "Content-Type: application/json" \
  -d '{"user_id":"custom_user_id","access_key":"'"$(value "$custom" access_key)"'",
       "device_name":"Мой телефон","device_type":"android","device_public_key":"base64_encoded_public_key"}')
has "$login" token device_id expires_at user user_id display_name avatar_file_id public_key last_seen_at
token=$(value "$login" token)

me=$(curl -sf "$SERVER/api/v1/users/me" -H "Authorization: Bearer $token")
has "$me" user_id display_name avatar_file_id public_key last_seen_at

profile=$(curl -sf -X POST "$SERVER/api/v1/users/me/profile" -H "Authorization: Bearer $token" \
  -H "Content-Type: application/json" \
  -d '{"display_name": "Моё имя", "public_key": "base64_encoded_public_key"}')
[ "$(value "$profile" display_name)" = "Моё имя" ]

other=$(curl -sf "$SERVER/api/v1/users/$(value "$user" user_id)" -H "Authorization: Bearer $token")
has "$other" user_id public_key

devices=$(curl -sf "$SERVER/api/v1/users/me/devices" -H "Authorization: Bearer $token")
has "$devices" devices device_id

pending=$(curl -sf "$SERVER/api/v1/messages/pending" -H "Authorization: Bearer $token")
has "$pending" messages has_more

echo ciphertext >"${TMPDIR:-/tmp}/privmsg-example.$$"
upload=$(curl -sf -X POST "$SERVER/api/v1/files/upload" -H "Authorization: Bearer $token" \
  -F "file=@${TMPDIR:-/tmp}/privmsg-example.$$")
rm "${TMPDIR:-/tmp}/privmsg-example.$$"
has "$upload" file_id expires_at
file=$(curl -sf "$SERVER/api/v1/files/$(value "$upload" file_id)" -H "Authorization: Bearer $token")
[ "$file" = ciphertext ]

stats=$(curl -sf -X GET "$SERVER/api/v1/admin/stats" \
  -H "Content-Type: application/json" \
  -d '{"admin_key":"'"$ADMIN_KEY"'"}')
has "$stats" total_users active_users online_users pending_messages stored_files storage_used_mb

refreshed=$(curl -sf -X POST "$SERVER/api/v1/auth/refresh" -H "Authorization: Bearer $token")
has "$refreshed" token expires_at
curl -sf -X POST "$SERVER/api/v1/auth/logout" -H "Authorization: Bearer $(value "$refreshed" token)"

curl -sf -X DELETE "$SERVER/api/v1/admin/users/custom_user_id" \
  -H "Content-Type: application/json" \
  -d '{"admin_key":"'"$ADMIN_KEY"'"}'
echo "all examples work"
