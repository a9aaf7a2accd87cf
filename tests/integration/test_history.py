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

    def test_what_became_of_it(self):
        """Votes, reactions and pins of old messages; chats that are pinned, mute, archived."""
        self.past()
        g = self.gateway(session={"history_per_chat": 25})
        g.link(self.sandbox)
        self.done(g)
        chats = {c["jid"].split("@")[0]: c for c in g.rest.get("/v1/sessions/shop/chats")["chats"]}
        first, second = chats["12025560000"], chats["12025560001"]
        self.assertEqual((first["pinned"], first["muted"], first["archived"]), (True, True, False))
        self.assertEqual((second["pinned"], second["muted"], second["archived"]), (False, False, True))
        page = g.rest.get("/v1/messages?session=shop&chat=12025560000@s.whatsapp.net&limit=200")["messages"]
        poll, = [m["id"] for m in page if m["kind"] == "poll"]
        m = g.message(poll)
        self.assertEqual([(o["option"], o["votes"]) for o in m["tally"]], [("Red", 0), ("Blue", 1)])
        self.assertEqual([(r["text"], r["from_me"]) for r in m["reactions"]], [("\U0001f44d", False)])
        self.assertFalse(m["pinned"]["from_me"])
        # stored by number, asked for by LID
        asked = g.rest.post("/v1/sessions/shop/chats/88000000000@lid/history", {"count": 5})["request"]
        g.event("history.progress", lambda e: e["data"].get("request") == asked)
        until(lambda: self.count(g, 0) == 30)

    def test_none(self):
        self.past()
        g = self.gateway(session={"history": "none"})
        g.link(self.sandbox)
        until(lambda: self.sandbox.rest.get("")["queued"] == 0, 20, "everything acknowledged")
        self.assertEqual(self.count(g, 0), 0)
        self.assertEqual(g.rest.get("/v1/sessions/shop/history")["state"], "none")
