# SPDX-License-Identifier: GPL-3.0-or-later
"""What was before linking: stored once whatever happens meanwhile, as deep as the owner wants it."""
from harness import SHOP, Case, Gateway, until

CHATS, MESSAGES = 4, 3000


class History(Case):
    def past(self, **kw):
        self.sandbox.rest.post(f"/accounts/{SHOP}/history", {"chats": CHATS, "messages": MESSAGES, "parts": 6, **kw})

    def gateway(self, **config):
        g = Gateway(self.sandbox, **config)
        self.addCleanup(g.end)
        g.start()
        return g

    def done(self, g):
        return until(lambda: (h := g.rest.get("/v1/sessions/shop/history"))["state"] == "done" and h, 60, "history")

    def count(self, g, n):
        """Messages of one chat, and that none comes twice."""
        ids, cursor = [], ""
        while cursor is not None:
            page = g.rest.get(f"/v1/messages?session=shop&chat=1202556{n:04d}@s.whatsapp.net&limit=200" +
                              (f"&cursor={cursor}" if cursor else ""))
            ids += [m["wa_id"] for m in page["messages"]]
            cursor = page["next"]
        self.assertEqual(len(ids), len(set(ids)))
        return len(ids)

    def test_killed_in_the_middle(self):
        self.past()
        g = self.gateway()
        g.link(self.sandbox)
        until(lambda: g.rest.get("/v1/sessions/shop/history")["messages"] > 0, 30, "the first part")
        g.kill()
        g.start()
        self.done(g)
        self.assertEqual([self.count(g, n) for n in range(CHATS)], [MESSAGES] * CHATS)
        self.assertEqual(g.events(kinds="message.received,message.own"), [])

    def test_depth(self):
        self.past()
        g = self.gateway(session={"history_per_chat": 25})
        g.link(self.sandbox)
        h = self.done(g)
        self.assertEqual([self.count(g, n) for n in range(CHATS)], [25] * CHATS)
        self.assertGreater(h["skipped"], 0)

    def test_none(self):
        self.past()
        g = self.gateway(session={"history": "none"})
        g.link(self.sandbox)
        until(lambda: self.sandbox.rest.get("")["queued"] == 0, 20, "everything acknowledged")
        self.assertEqual(self.count(g, 0), 0)
        self.assertEqual(g.rest.get("/v1/sessions/shop/history")["state"], "none")
