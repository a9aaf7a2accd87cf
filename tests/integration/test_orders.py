# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders of real shops' webhooks over the wire: kinds, languages, numbers, consent, sessions, templates."""
import unittest
import urllib.parse

from harness import TOP, ApiError, Case, Store, phone, until

FIXTURES = TOP / "tests" / "fixtures" / "stores"
LAYLA = phone(1)


def fixture(name):
    """The exact bytes and headers of a shop's request, signed with test-secret."""
    lines = (FIXTURES / f"{name}.headers").read_text().splitlines()
    headers = dict(x.split(": ", 1) for x in lines if x)
    return (FIXTURES / f"{name}.body").read_bytes(), {"Content-Type": "application/json", **headers}


class Orders(Case):
    def store_of(self, gateway, kind, **more):
        made = gateway.rest.post("/v1/stores", {"kind": kind, "name": "متجر", "session": "shop", **more})
        return made, urllib.parse.urlsplit(made["hook_url"]).path

    def order_of(self, gateway, external_id, state):
        def look():
            found = gateway.rest.get(f"/v1/orders?external_id={external_id}")["orders"]
            return found[0] if found and found[0]["state"] == state else None
        return until(look, what=f"order {external_id} to be {state}")

    def test_shopify_order_in_arabic(self):
        layla = self.sandbox.account("966551234567", "Layla")
        gateway = self.linked()
        made, path = self.store_of(gateway, "shopify")
        body, headers = fixture("shopify")
        # Shopify shows its secret only after the webhook was created with our address
        self.assertEqual(gateway.rest.raw("POST", path, body, headers)[0], 401)
        gateway.rest.patch(f"/v1/stores/{made['id']}", {"secret": "test-secret"})
        self.assertEqual(gateway.rest.raw("POST", path, body[:-1] + b" ", headers)[0], 401)
        for _ in range(3):      # and its retries
            self.assertEqual(gateway.rest.raw("POST", path, body, headers)[0], 200)
        until(lambda: self.sandbox.received(layla), what="the confirmation")
        text = self.sandbox.received(layla)[0]["text"]
        self.assertIn("Layla", text)
        self.assertIn("٢١٥٫٠٠", text)
        self.assertIn("#1001", text)
        self.sandbox.say(layla, "إلغاء")
        order = self.order_of(gateway, "5940139491234", "cancelled")
        self.assertEqual(order["language"], "ar")
        self.assertEqual(order["customer"]["phone"], "+966551234567")
        until(lambda: len(self.sandbox.received(layla)) == 2, what="the answer to the answer")
        self.assertEqual(len(gateway.rest.get(f"/v1/stores/{made['id']}/deliveries")["deliveries"]), 1)

    def test_woocommerce_order_and_ping(self):
        omar = self.sandbox.account("213551234567", "Omar")
        gateway = self.linked()
        made, path = self.store_of(gateway, "woocommerce", secret="test-secret", country="DZ", language="fr")
        self.assertEqual(gateway.rest.raw("POST", path, "webhook_id=3",
                                          {"Content-Type": "application/x-www-form-urlencoded"})[0], 200)
        body, headers = fixture("woo")
        self.assertEqual(gateway.rest.raw("POST", path, body, headers)[0], 200)
        until(lambda: self.sandbox.received(omar), what="the confirmation")
        self.assertIn("727", self.sandbox.received(omar)[0]["text"])
        self.sandbox.say(omar, "oui, merci")
        self.order_of(gateway, "727", "confirmed")

    def test_unclear_answer_then_opt_out(self):
        self.sandbox.account(LAYLA, "Layla")
        gateway = self.linked()
        store = Store(gateway)
        self.assertEqual(store.order("1", LAYLA), 200)
        until(lambda: self.sandbox.received(LAYLA), what="the confirmation")
        self.sandbox.say(LAYLA, "yes but to my office, please")
        gateway.event("order.reply_unclear", lambda e: "my office" in e["data"]["text"])
        self.sandbox.say(LAYLA, "STOP")
        gateway.event("orders.opted_out")
        self.assertEqual(store.order("2", LAYLA), 200)
        self.assertEqual(store.until_state("2", "failed")["reason"], "opted_out")
        self.assertIn(store.find("1")["state"], ("sent", "delivered", "read"))
        self.sandbox.say(LAYLA, "start")
        gateway.event("orders.opted_in")
        self.assertEqual(store.order("3", LAYLA), 200)
        until(lambda: len(self.sandbox.received(LAYLA)) == 2, what="the confirmation after opting in")

    def test_numbers_that_do_not_work(self):
        self.sandbox.account(LAYLA, "Layla")
        gateway = self.linked()
        store = Store(gateway)
        store.order("absent", phone(999))
        store.order("bad", "12")
        store.order("none", "", phone="")
        self.assertEqual(store.until_state("absent", "failed")["reason"], "not_on_whatsapp")
        self.assertEqual(store.until_state("bad", "failed")["reason"], "invalid_phone")
        self.assertEqual(store.until_state("none", "failed")["reason"], "no_phone")
        order = store.find("absent")
        gateway.rest.post(f"/v1/orders/{order['id']}/resend", {"phone": f"+{LAYLA}"})
        store.until_state("absent", "sent", "delivered", "read")
        self.assertEqual(len(self.sandbox.received(LAYLA)), 1)

    def test_order_waits_for_its_session(self):
        self.sandbox.account(LAYLA, "Layla")
        gateway = self.linked()
        store = Store(gateway)
        gateway.rest.post("/v1/sessions/shop/stop")
        gateway.until_status("stopped")
        self.assertEqual(store.order("1", LAYLA), 200)
        self.assertEqual(store.until_state("1", "held")["reason"], "session_offline")
        gateway.rest.post("/v1/sessions/shop/start")
        store.until_state("1", "sent", "delivered", "read")
        self.assertEqual(len(self.sandbox.received(LAYLA)), 1)

    def test_operator_cancels_before_it_leaves(self):
        self.sandbox.account(LAYLA, "Layla")
        gateway = self.linked()
        store = Store(gateway, options={"delay_minutes": 60})
        store.order("1", LAYLA)
        order = store.until_state("1", "held")
        done = gateway.rest.post(f"/v1/orders/{order['id']}/cancel", {"reason": "called us"},
                                 headers={"Idempotency-Key": "k"})
        again = gateway.rest.post(f"/v1/orders/{order['id']}/cancel", {"reason": "called us"},
                                  headers={"Idempotency-Key": "k"})
        self.assertEqual((done["state"], done["reason"], again["state"]), ("cancelled", "called us", "cancelled"))
        with self.assertRaises(ApiError) as e:
            gateway.rest.post(f"/v1/orders/{order['id']}/resend")
        self.assertEqual(e.exception.status, 409)
        self.assertEqual(self.sandbox.received(LAYLA), [])

    def test_own_template(self):
        self.sandbox.account(LAYLA, "Layla")
        gateway = self.linked()
        with self.assertRaises(ApiError) as e:
            gateway.rest.call("PUT", "/v1/templates/confirmation/en", {"body": "Hi\n{{customer.nme}}"})
        self.assertEqual((e.exception.status, e.exception.body["detail"]),
                         (422, "line 2, column 3: unknown variable 'customer.nme'"))
        gateway.rest.call("PUT", "/v1/templates/confirmation/en", {"body": "{{order.number|lower}}: 1 or 2?"})
        store = Store(gateway)
        store.order("ABC", LAYLA)
        until(lambda: self.sandbox.received(LAYLA), what="the confirmation")
        self.assertEqual(self.sandbox.received(LAYLA)[0]["text"], "abc: 1 or 2?")
        shown = gateway.rest.post("/v1/templates/preview", {"order_id": store.find("ABC")["id"],
                                                            "body": "{{customer.first_name}} {{order.total|money}}"})
        self.assertEqual(shown["text"], "Layla $61.50")

    def test_nothing_readable_on_disk(self):
        self.sandbox.account(LAYLA, "Layla")
        gateway = self.linked()
        store = Store(gateway)
        store.order("1", LAYLA, note="secret-note-of-layla")
        store.until_state("1", "sent", "delivered", "read")
        gateway.stop()
        stored = b"".join(f.read_bytes() for f in gateway.data.rglob("*") if f.is_file())
        for secret in (b"secret-note-of-layla", b"Layla Hassan", store.secret.encode(),
                       store.path.rsplit("/", 1)[1].encode()):
            self.assertNotIn(secret, stored)


if __name__ == "__main__":
    unittest.main()
