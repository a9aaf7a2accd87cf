#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A walk through the REST API with curl and jq, against a running `./run`, which prints the three variables:
#
#	WARBLER_URL=http://127.0.0.1:8080 WARBLER_KEY=wb_... SANDBOX_URL=http://127.0.0.1:PORT examples/rest-walk/walk.sh
#
# It links a number of its own, so it can be taken again and again. With a real WhatsApp only the parts marked
# "phone" differ: there you scan and type by hand.
set -euo pipefail

: "${WARBLER_URL:?where the gateway is: ./run prints it}"
: "${WARBLER_KEY:?an API key: ./run prints it}"
: "${SANDBOX_URL:?where the sandbox is: ./run prints it}"
for tool in curl jq openssl; do
	command -v "$tool" >/dev/null || { echo "walk.sh needs $tool" >&2; exit 1; }
done

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }

# api METHOD PATH [JSON]: the gateway. phone METHOD PATH [JSON]: the phones of the sandbox.
api() {
	curl -sS --fail-with-body -X "$1" "$WARBLER_URL$2" -H "Authorization: Bearer $WARBLER_KEY" \
		-H 'Content-Type: application/json' ${3:+-d "$3"}
}
phone() {
	curl -sS --fail-with-body -X "$1" "$SANDBOX_URL/v1/sandbox$2" -H 'Content-Type: application/json' ${3:+-d "$3"}
}
# until_is WORD COMMAND...: repeat a question until the answer is WORD.
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
session=walk-$tag
shop=1202555$(printf '%04d' $((RANDOM % 5000)))
customer=1202555$(printf '%04d' $((5000 + RANDOM % 5000)))

say "Phones: one for the shop, one for a customer"
phone POST /accounts "{\"number\": \"$shop\", \"name\": \"Walk shop\"}" | jq -c '{number, jid}'
phone POST /accounts "{\"number\": \"$customer\", \"name\": \"Sam\"}" | jq -c '{number, jid}'

say "A session is one linked number. It shows a QR ..."
api POST /v1/sessions "{\"id\": \"$session\", \"name\": \"My shop\"}" | jq -c '{id, status}'
session_status() { api GET "/v1/sessions/$session" | jq -r .status; }
until_is linking session_status
qr=$(api GET "/v1/sessions/$session/qr" | jq -r .qr)
echo "${qr:0:60}..."

say "... and a phone scans it (with a real one: Settings, Linked devices)"
phone POST "/accounts/$shop/scan" "$(jq -n --arg qr "$qr" '{qr: $qr}')" >/dev/null
until_is connected session_status
api GET "/v1/sessions/$session" | jq -c '{id, status, phone, since}'

say "Is somebody on WhatsApp?"
api GET "/v1/sessions/$session/check?phone=%2B$customer" | jq -c .

say "Send a text; the same Idempotency-Key never sends twice"
send() {
	curl -sS --fail-with-body "$WARBLER_URL/v1/messages?wait=delivered" -H "Authorization: Bearer $WARBLER_KEY" \
		-H "Idempotency-Key: walk-$tag" -H 'Content-Type: application/json' \
		-d "{\"session\": \"$session\", \"to\": \"+$customer\", \"text\": \"Hello from the shell\"}"
}
message=$(send | jq -r .id)
[ "$(send | jq -r .id)" = "$message" ]
api GET "/v1/messages/$message" | jq -c '{id, status, text}'

say "The customer's phone shows it once, and answers"
phone GET "/accounts/$customer/messages?chat=$shop" | jq -c '.messages[] | {from_me, text, status}'
phone POST "/accounts/$customer/messages" "{\"to\": \"$shop\", \"text\": \"Hello shell\"}" >/dev/null
received() { api GET "/v1/messages?session=$session" | jq -r '.messages[] | select(.direction == "in") | .text'; }
until_is "Hello shell" received

say "Messages and chats, newest first"
api GET "/v1/messages?session=$session" | jq -c '.messages[] | {direction, status, text}'
api GET "/v1/sessions/$session/chats" | jq -c '.chats[]'

say "The whole life of one message"
api GET "/v1/messages/$message/trace" | jq -c '.steps[]'

say "A webhook: every event of orders, signed with this secret (which is shown once)"
hook=$(api POST /v1/webhooks '{"url": "https://shop.example/warbler", "events": ["order.*"], "state": "paused"}')
jq -c '{id, url, events, state}' <<<"$hook"

say "A store connection: its address and secret are shown once"
store=$(api POST /v1/stores "{\"kind\": \"generic\", \"name\": \"Walk shop\", \"session\": \"$session\", \"country\": \"US\", \"language\": \"en\"}")
jq -c '{id, kind, session}' <<<"$store"
hook_url=$(jq -r .hook_url <<<"$store")
secret=$(jq -r .secret <<<"$store")

say "The shop posts an order: v1=HMAC-SHA256(secret, delivery.timestamp.body)"
body="{\"external_id\": \"$tag\", \"number\": \"$tag\", \"currency\": \"USD\", \"total\": \"42.50\", \"phone\": \"+$customer\",
 \"customer\": {\"first_name\": \"Sam\"}, \"items\": [{\"name\": \"Blue scarf\", \"qty\": 1}], \"payment\": {\"method\": \"cod\"}}"
now=$(date +%s)
signature=$(printf '%s' "order-$tag.$now.$body" | openssl dgst -sha256 -hmac "$secret" | sed 's/.* //')
curl -sS --fail-with-body "$hook_url" -H 'Content-Type: application/json' -H 'X-Warbler-Topic: order.created' \
	-H "X-Warbler-Delivery: order-$tag" -H "X-Warbler-Timestamp: $now" -H "X-Warbler-Signature: v1=$signature" \
	--data-binary "$body"
echo

say "Its confirmation arrives at the customer's phone"
order() { api GET "/v1/orders?external_id=$tag" | jq -r '.orders[0].id // empty'; }
order_state() { api GET "/v1/orders/$(order)" | jq -r .state; }
until_is delivered order_state
phone GET "/accounts/$customer/messages?chat=$shop" | jq -r '.messages[-1].text'

say "The customer answers 1, the order is confirmed"
phone POST "/accounts/$customer/messages" "{\"to\": \"$shop\", \"text\": \"1\"}" >/dev/null
until_is confirmed order_state
api GET "/v1/orders/$(order)" | jq -c '.history[] | {time, from, to, actor}'

say "The event log: read it from anywhere, as often as you like (also as SSE, WebSocket, long poll)"
api GET "/v1/events?kinds=order.*&session=$session" | jq -c '.events[] | {seq, kind, number: .data.number}'

say "Clean up: the credentials of the session are gone with it"
api DELETE "/v1/webhooks/$(jq -r .id <<<"$hook")"
api DELETE "/v1/stores/$(jq -r .id <<<"$store")"
api DELETE "/v1/sessions/$session"
echo "done"
