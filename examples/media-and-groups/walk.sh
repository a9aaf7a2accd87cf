#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Pictures, voice notes, polls, menus and groups with curl and jq, against a running `./run`, which prints the
# three variables:
#
#	WARBLER_URL=http://127.0.0.1:8080 WARBLER_KEY=wb_... SANDBOX_URL=http://127.0.0.1:PORT examples/media-and-groups/walk.sh
#
# It links a number of its own, so it can be taken again and again.
set -euo pipefail

: "${WARBLER_URL:?where the gateway is: ./run prints it}"
: "${WARBLER_KEY:?an API key: ./run prints it}"
: "${SANDBOX_URL:?where the sandbox is: ./run prints it}"
for tool in curl jq base64; do
	command -v "$tool" >/dev/null || { echo "walk.sh needs $tool" >&2; exit 1; }
done

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
auth() { curl -sS --fail-with-body -H "Authorization: Bearer $WARBLER_KEY" "$@"; }
api() { auth -X "$1" "$WARBLER_URL$2" -H 'Content-Type: application/json' ${3:+-d "$3"}; }
phone() {
	curl -sS --fail-with-body -X "$1" "$SANDBOX_URL/v1/sandbox$2" -H 'Content-Type: application/json' ${3:+-d "$3"}
}
until_is() {
	local want=$1 got='' i
	shift
	for ((i = 0; i < 100; i++)); do
		got=$("$@") || got=''
		[ "$got" = "$want" ] && return 0
		sleep 0.1
	done
	echo "walk.sh: still '$got', wanted '$want': $*" >&2
	return 1
}

tag=$(date +%s)-$$
session=media-$tag
shop=1202555$(printf '%04d' $((RANDOM % 3000)))
sam=1202555$(printf '%04d' $((3000 + RANDOM % 3000)))
nadia=1202555$(printf '%04d' $((6000 + RANDOM % 3000)))
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

say "Three phones; the shop's is linked"
for who in "$shop Shop" "$sam Sam" "$nadia Nadia"; do
	phone POST /accounts "{\"number\": \"${who% *}\", \"name\": \"${who#* }\"}" | jq -c '{number, name}'
done
api POST /v1/sessions "{\"id\": \"$session\"}" >/dev/null
session_status() { api GET "/v1/sessions/$session" | jq -r .status; }
until_is linking session_status
phone POST "/accounts/$shop/scan" "$(api GET "/v1/sessions/$session/qr" | jq '{qr}')" >/dev/null
until_is connected session_status

# send WHAT: to Sam; the answer when it is delivered
send() { api POST '/v1/messages?wait=delivered' "{\"session\": \"$session\", \"to\": \"+$sam\", $1}"; }

say "A picture: give the file once, then name it in as many messages as you like"
base64 -d >"$dir/dot.png" <<'PNG'
iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mPgrorGihiGlgQAzgM4AXVa094AAAAASUVORK5CYII=
PNG
file=$(auth "$WARBLER_URL/v1/media" -H 'X-File-Name: dot.png' --data-binary "@$dir/dot.png")
jq -c '{id, type, mimetype, size}' <<<"$file"
picture=$(jq -r .id <<<"$file")
send "\"content\": {\"kind\": \"image\", \"text\": \"A dot\", \"media\": {\"id\": \"$picture\"}}" | jq -ce 'if .status == "delivered" then {kind, text, status} else error(.reason) end'

say "A place, a poll, a menu (which WhatsApp shows as a poll or as numbered words)"
send '"content": {"kind": "location", "latitude": 48.1372, "longitude": 11.5756, "name": "The shop"}' | jq -c '{kind, status}'
poll=$(send '"content": {"kind": "poll", "name": "When?", "options": ["Monday", "Tuesday"], "selectable": 1}' | jq -r .id)
menu=$(send '"menu": {"body": "What now?", "buttons": [{"id": "track", "text": "Track"}, {"id": "cancel", "text": "Cancel"}]}')
jq -c '{kind, rendered_as: .content.rendered_as}' <<<"$menu"

say "Sam votes in both: a tally, and the menu's answer by its id"
wa_id() { api GET "/v1/messages/$1" | jq -r .wa_id; }
vote() { phone POST "/accounts/$sam/messages" "{\"to\": \"$shop\", \"content\":
	{\"kind\": \"poll_vote\", \"target\": {\"id\": \"$1\"}, \"options\": [\"$2\"]}}" >/dev/null; }
vote "$(wa_id "$poll")" Tuesday
vote "$(jq -r .wa_id <<<"$menu")" Cancel
tuesday() { api GET "/v1/messages/$poll" | jq -c '[.tally[].votes]'; }
until_is '[0,1]' tuesday
answered() { api GET "/v1/events?kinds=menu.answered&session=$session" | jq -r '.events[0].data.answer.id // empty'; }
until_is cancel answered

say "Sam sends a picture back; its bytes are here at any later time, ranges too"
given=$(phone POST /media "{\"base64\": \"$(base64 -w0 "$dir/dot.png")\", \"type\": \"image\", \"mimetype\": \"image/png\"}" | jq -r .id)
phone POST "/accounts/$sam/messages" "{\"to\": \"$shop\", \"content\": {\"kind\": \"image\", \"media\": {\"id\": \"$given\"}}}" >/dev/null
came() { api GET "/v1/messages?session=$session" | jq -r '[.messages[] | select(.direction == "in" and .kind == "image")][0].content.media.url // empty'; }
has_come() { [ -n "$(came)" ] && echo yes; }
until_is yes has_come
auth "$WARBLER_URL$(came)" -o "$dir/came.png"
cmp "$dir/dot.png" "$dir/came.png"
auth "$WARBLER_URL$(came)" -H 'Range: bytes=1-3' # PNG
echo

say "A group: made, joined by one more, written to by both sides"
group=$(api POST "/v1/sessions/$session/groups" "{\"subject\": \"Friends\", \"participants\": [\"+$sam\"]}" | jq -r .jid)
api POST "/v1/sessions/$session/groups/$group/participants" "{\"action\": \"add\", \"participants\": [\"+$nadia\"]}" | jq -c '.participants[] | {phone, done}'
api GET "/v1/sessions/$session/groups/$group/invite" | jq -r .link
api POST '/v1/messages?wait=delivered' "{\"session\": \"$session\", \"to\": \"$group\", \"text\": \"Welcome\"}" | jq -c '{text, status}'
phone POST "/groups/${group%@*}/messages" "{\"from\": \"$nadia\", \"text\": \"Hello all\"}" >/dev/null
in_group() { api GET "/v1/messages?session=$session&chat=$group" | jq -r '.messages[] | select(.direction == "in") | "\(.chat.name): \(.push_name): \(.text)"'; }
until_is "Friends: Nadia: Hello all" in_group
in_group

say "A status for Sam only"
api POST "/v1/sessions/$session/statuses?wait=delivered" "{\"content\": {\"kind\": \"text\", \"text\": \"Open today\", \"background\": \"#0b7a5b\"}, \"audience\": [\"+$sam\"]}" | jq -c '{text, status}'

say "Clean up"
api DELETE "/v1/sessions/$session"
api DELETE "/v1/media/$picture"
echo "done"
