# SPDX-License-Identifier: GPL-3.0-or-later
"""The Lua API against the gateway and the sandbox: what a script says it did is what the phone of a customer shows."""
import http.server
import json
import pathlib
import shutil
import subprocess
import tempfile
import threading
import unittest

from harness import SHOP, TOP, Gateway, Sandbox, Store, phone, until

CUSTOMER, FRIEND = phone(701), phone(702)


class Service:
    """Another program that scripts ask: says what it was asked."""

    def __init__(self):
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def reply(self):
                n = int(self.headers.get("Content-Length") or 0)
                said = {"method": self.command, "path": self.path, "body": self.rfile.read(n).decode(),
                        "key": self.headers.get("X-Key"), "type": self.headers.get("Content-Type")}
                outer.asked.append(said)
                body = json.dumps(said).encode()
                self.send_response(404 if self.path == "/missing" else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("X-Trace", "t-1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = reply

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()


class ScriptApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox(tls=True).start()
        cls.addClassCleanup(cls.sandbox.end)
        for number, name in ((SHOP, "Shop"), (CUSTOMER, "Mia"), (FRIEND, "Ben")):
            cls.sandbox.account(number, name)
        cls.gateway = Gateway(cls.sandbox).start()
        cls.addClassCleanup(cls.gateway.end)
        cls.gateway.link(cls.sandbox)
        cls.service = Service()
        cls.addClassCleanup(cls.service.end)

    n = 0

    def script(self, name, body):
        """Puts a script whose body runs for messages with the word `name`; what it returns is what `result` waits for."""
        source = ("local wb = require 'warbler'\n"
                  f"local function run(msg)\n{body}\nend\n"
                  f"wb.on('message.received', {{ starts = 'go {name}' }}, function(msg)\n"
                  "\tlocal r = table.pack(pcall(run, msg))\n"
                  "\twb.log.info('result ' .. wb.json.encode{ text = msg.text, ok = r[1], value = r[2], more = r[3], code = r[4] })\n"
                  "end)\n")
        self.gateway.rest.call("PUT", f"/v1/scripts/{name}/source", {"source": source})

    def run_script(self, name, body, text="", seconds=20, **said):
        self.script(name, body)
        type(self).n += 1
        tag = f"go {name} {self.n} {text}".rstrip()
        self.sandbox.say(CUSTOMER, tag, **said)

        def look():
            lines = self.gateway.rest.get(f"/v1/scripts/{name}/log")["lines"]
            errors = [x["text"] for x in lines if x["level"] == "error"]
            self.assertEqual(errors, [])
            got = [json.loads(x["text"][7:]) for x in lines if x["text"].startswith("result ")]
            return next((r for r in got if r["text"] == tag), None)

        result = until(look, seconds, f"script {name} to end")
        self.assertTrue(result["ok"], result)
        return result

    def value(self, name, body, **kw):
        result = self.run_script(name, body, **kw)
        self.assertNotIn("code", result, result)
        return result.get("value")

    def seen(self, test, who=CUSTOMER):
        return until(lambda: next((m for m in self.sandbox.messages(who) if test(m)), None), what="the customer's phone to show it")

    def test_send_await(self):
        status = self.value("send", f"""
            local sent = assert(wb.send('+{FRIEND}', 'hello from a rule', {{ class = 'transactional' }}))
            return assert(sent:await('delivered', '20s'))""")
        self.assertIn(status, ("delivered", "read"))
        self.seen(lambda m: m.get("text") == "hello from a rule", FRIEND)

    def test_reply_quote_edit_delete(self):
        self.value("words", """
            assert(msg:mark_read())
            assert(msg:typing('100ms'))
            local plain = assert(msg:reply('first words'))
            local quoted = assert(msg:quote('second words', { typing = '100ms' }))
            assert(quoted:await('sent'))
            assert(plain:await('sent'))
            assert(plain:edit('better words'))
            local gone = assert(msg:reply('soon gone', { wait = 'sent' }))
            assert(gone:delete())
            return true""")
        self.seen(lambda m: m.get("text") == "second words")
        self.gateway.event("message.*", lambda e: e["data"].get("text") == "second words" and e["data"].get("quoted"))
        until(lambda: any("better words" in json.dumps(m) for m in self.sandbox.messages(CUSTOMER)), what="the edit")
        until(lambda: not any(m.get("text") == "soon gone" and not m.get("revoked") for m in self.sandbox.messages(CUSTOMER)),
              what="the message to be gone")

    def test_react_forward(self):
        got = self.value("react", f"""
            local id = assert(msg:react('👍'))
            assert(wb.await(id, 'sent'))
            local copy = assert(msg:forward('+{FRIEND}'))
            assert(wb.await(copy, 'sent'))
            return msg.text""", text="pass on")
        self.assertIn("pass on", got)
        self.seen(lambda m: m.get("text") == got, FRIEND)
        until(lambda: "👍" in json.dumps(self.sandbox.messages(CUSTOMER), ensure_ascii=False), what="the reaction")

    def test_menu_and_poll(self):
        got = self.value("menus", """
            local poll = assert(msg:reply{ kind = 'poll', name = 'When?', options = { 'Monday', 'Tuesday' }, selectable = 1 })
            local menu = assert(wb.send(msg.chat, { menu = { body = 'What?', buttons = { { id = 'a', text = 'Tea' }, { id = 'b', text = 'Milk' } } },
                render = 'text' }))
            assert(poll:await('sent') and menu:await('sent'))
            return { poll.kind, menu.kind }""")
        self.assertEqual(got, ["poll", "menu"])
        self.seen(lambda m: "When?" in json.dumps(m))
        self.seen(lambda m: "Milk" in json.dumps(m))

    def test_labels_chats_contacts(self):
        got = self.value("people", """
            local label = assert(wb.labels.create('Vip ' .. msg.id))
            local found = assert(wb.labels.find('vip ' .. msg.id))
            assert(found.id == label.id)
            assert(wb.labels.assign(found, msg))
            local uses = assert(wb.labels.chats(found))
            assert(#uses == 1)
            assert(wb.labels.unassign(found, msg))
            assert(wb.chats.archive(msg) and wb.chats.archive(msg, false))
            assert(wb.chats.pin(msg) and wb.chats.pin(msg, false))
            assert(wb.chats.mute(msg) and wb.chats.unmute(msg))
            assert(wb.contacts.opt_out(msg.sender).opted_out == true)
            local sent, why, code = msg:reply('not allowed')
            assert(sent == nil and code == 'denied', code)
            assert(wb.contacts.opt_in(msg.sender).opted_out == false)
            assert(wb.chats.hold(msg, { minutes = 5 }))
            assert(msg.held == 'human')
            assert(wb.chats.release(msg))
            assert(msg.held == false)
            return { wb.contacts.get(msg.sender).push_name, msg.name, msg.sender.phone, #wb.contacts.find('mia') >= 1,
                wb.contacts.check('+""" + CUSTOMER + """').exists }""", seconds=40)
        self.assertEqual(got, ["Mia", "Mia", "+" + CUSTOMER, True, True])

    def test_groups(self):
        got = self.value("groups", f"""
            local group = assert(wb.groups.create('Rules', {{ '+{CUSTOMER}' }}))
            assert(wb.groups.add(group.jid, '+{FRIEND}')[1].done)
            assert(wb.groups.promote(group.jid, '+{FRIEND}')[1].done)
            assert(wb.groups.set_subject(group.jid, 'Better rules'))
            local members = assert(wb.groups.members(group.jid))
            assert(wb.groups.remove(group.jid, '+{FRIEND}')[1].done)
            assert(wb.send(group.jid, 'hello all', {{ wait = 'sent' }}))
            return {{ #members, assert(wb.groups.get(group.jid)).subject, #assert(wb.groups.find('better')) }}""", seconds=40)
        self.assertEqual(got, [3, "Better rules", 1])

    def test_http(self):
        got = self.value("http", f"""
            local res = assert(wb.http.get('{self.service.url}/price?x=1', {{ headers = {{ ['X-Key'] = 'k1' }}, keep = {{ 'x-trace' }} }}))
            local post = assert(wb.http.post('{self.service.url}/ask', {{ question = 'a "b"' }}))
            local put = assert(wb.http.request{{ url = '{self.service.url}/missing', method = 'PUT', form = {{ a = 'b c' }} }})
            local none, why, code = wb.http.get('http://127.0.0.1:1/')
            return {{ res.status, res:json().key, res.headers['x-trace'], post:json().body, post:json().type, put.status, put.ok,
                put:json().body, none == nil, code }}""")
        self.assertEqual(got, [200, "k1", "t-1", '{"question":"a \\"b\\""}', "application/json", 404, False, "a=b%20c", True, "io"])

    def test_kv_survives(self):
        name = "memory"
        body = """
            assert(wb.kv.set('what', { text = 'kept', n = 1 }))
            assert(wb.kv.set('short', 1, { expires = '1s' }))
            local n = assert(wb.kv.incr('count', 2))
            assert(wb.kv.delete('what2'))
            return { n, wb.kv.get('what').text, wb.kv.get('none', 'no'), #wb.kv.keys('') >= 2 }"""
        first = self.value(name, body)
        self.assertEqual(first[1:], ["kept", "no", True])
        self.assertEqual(self.value(name, body)[0], first[0] + 2)
        self.gateway.stop()
        self.gateway.start()
        self.gateway.until_status("connected")
        self.assertEqual(self.value(name, body)[0], first[0] + 4)
        gone = self.value(name, "wb.sleep('1200ms')\nreturn wb.kv.get('short', 'gone')")
        self.assertEqual(gone, "gone")

    def test_timers(self):
        got = self.value("timers", """
            local order = {}
            wb.after('300ms', function() order[#order + 1] = 'after' end)
            local id = wb.every('1s', function() order[#order + 1] = 'every' end)
            wb.sleep('1500ms')
            assert(wb.cancel(id))
            return { order[1], order[2], #order }""")
        self.assertEqual(got, ["after", "every", 2])

    def test_media(self):
        got = self.value("media", """
            local m = assert(wb.media.create(wb.base64.encode('one;two\\n'), { type = 'document', file_name = 'list.csv' }))
            local sent = assert(msg:reply{ kind = 'document', media = m.id, text = 'the list' })
            assert(sent:await('sent'))
            local stored = assert(wb.messages.get(sent.id))
            return { stored.kind, stored.media.file_name, wb.media.bytes(stored.media.id), stored.media:bytes() }""", seconds=40)
        self.assertEqual(got[:2], ["document", "list.csv"])
        self.assertEqual(got[2:], ["one;two\n"] * 2)

    def test_several_waits_at_once(self):
        """Two increments of one turn both count, and many handlers wait at the same time."""
        self.script("many", """
            wb.sleep('300ms')
            wb.kv.incr('n')
            return wb.kv.get('n')""")
        for i in range(20):
            self.sandbox.say(CUSTOMER if i % 2 else FRIEND, f"go many {i}")

        def most():
            lines = [x["text"] for x in self.gateway.rest.get("/v1/scripts/many/log")["lines"] if "result" in x["text"]]
            return max([json.loads(x[7:])["value"] for x in lines] or [0])

        until(lambda: most() == 20, 40, "20 handlers to end")

    def test_failures_are_values(self):
        result = self.run_script("fails", "return wb.messages.get('01K0000000000000000000NONE')")
        self.assertEqual(result.get("code"), "not_found")
        result = self.run_script("fails2", "return wb.api('POST', '/v1/messages', { session = 'shop' })")
        self.assertEqual(result.get("code"), "invalid")

    def test_shop(self):
        """Orders, shops and templates, of a shop that is connected."""
        store = Store(self.gateway)
        self.assertEqual(store.order("9001", CUSTOMER), 200)
        self.assertEqual(store.order("9002", CUSTOMER), 200)
        for number in ("9001", "9002"):
            store.until_state(number, "sent", "delivered", "read")
        got = self.value("shop", f"""
            local shops = assert(wb.stores.list())
            local shop = assert(wb.stores.get(shops[1].id))
            local mine = assert(wb.orders.by_phone(msg.sender))
            local all = assert(wb.orders.list{{ store_id = shop.id, limit = 10 }})
            local one = assert(wb.orders.get(mine[1].id))
            local same = assert(wb.orders.by_number(one.number))
            local done = assert(wb.orders.confirm(one))
            local other = mine[1].id == one.id and mine[2] or mine[1]
            local gone = assert(wb.orders.cancel(other, {{ reason = 'sold out' }}))
            local none, why, code = wb.orders.get('01K0000000000000000000NONE')
            return {{ shop.kind == shops[1].kind, #mine, #all, same[1].id == one.id, done.state, gone.state, none == nil, code }}""")
        self.assertEqual(got, [True, 2, 2, True, "confirmed", "cancelled", True, "not_found"])
        states = sorted(o["state"] for o in self.gateway.rest.get("/v1/orders")["orders"])
        self.assertEqual(states, ["cancelled", "confirmed"])
        got = self.value("words2", """
            local before = #assert(wb.templates.list())
            local old = assert(wb.templates.get('confirmation', 'en'))
            assert(wb.templates.set('confirmation', 'en', 'Thanks for order {{order.number}}!'))
            local new = assert(wb.templates.get('confirmation', 'en'))
            local text = assert(wb.templates.render('confirmation', 'en', { order_id = wb.orders.list()[1].id }))
            return { before > 0, old.body ~= new.body, new.body, text }""")
        self.assertEqual(got[:3], [True, True, "Thanks for order {{order.number}}!"])
        self.assertRegex(got[3], r"^Thanks for order .+!$")

    def test_what_scripts_may_not(self):
        for i, call in enumerate(("'GET', '/v1/keys'", "'POST', '/v1/keys', { name = 'x', scopes = { '*' } }",
                                  "'GET', '/v1/scripts/denied0/source'", "'PUT', '/v1/scripts/other/source', { source = '' }",
                                  "'POST', '/v1/plugins/orders/unload'", "'POST', '/v1/sessions/shop/export', { passphrase = 'x' }")):
            result = self.run_script(f"denied{i}", f"return wb.api({call})")
            self.assertEqual(result.get("code"), "denied", call)


class Plugins(unittest.TestCase):
    def test_functions_of_a_plugin(self):
        """What a plugin offers, called by a real script: at once, later, refused, not there, and when the plugin goes."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="warbler-plugins-"))
        self.addCleanup(shutil.rmtree, folder, True)
        subprocess.run(["cc", "-shared", "-fPIC", "-fvisibility=hidden", f"-I{TOP / 'core' / 'include'}",
                        TOP / "tests" / "plugins" / "lua.c", "-o", folder / "lua.so"], check=True)
        gateway = Gateway(plugins={"enabled": ["lua"], "dir": str(folder)}).start()
        self.addCleanup(gateway.end)
        source = """
            local wb = require 'warbler'
            local function tell(name, ...)
                local got = {}
                for i = 1, select('#', ...) do
                    local v = select(i, ...)
                    got[i] = v == nil and 'nil' or v
                end
                wb.log.info('result ' .. wb.json.encode{ name = name, got = got })
            end
            wb.after('1ms', function()
                local lua = wb.plugins.lua
                tell('echo', lua.echo(1, 'two', { three = 3 }))
                tell('later', lua.later())
                tell('refuse', lua.refuse())
                tell('none', pcall(function() return lua.none() end))
                tell('never', lua.never())
            end)"""
        gateway.rest.call("PUT", "/v1/scripts/asks/source", {"source": source})

        def told(name):
            lines = [x["text"] for x in gateway.rest.get("/v1/scripts/asks/log")["lines"]]
            said = [json.loads(x[7:]) for x in lines if x.startswith("result ")]
            return next((x["got"] for x in said if x["name"] == name), None)

        self.assertIn("two", json.dumps(until(lambda: told("echo"), what="the echo")))
        self.assertIn("later", json.dumps(until(lambda: told("later"), what="the later answer")))
        self.assertIn("not today", json.dumps(until(lambda: told("refuse"), what="the refusal")))
        self.assertIn("none", json.dumps(until(lambda: told("none"), what="no such function")))
        self.assertIsNone(told("never"))
        gateway.rest.call("POST", "/v1/plugins/lua/unload")
        until(lambda: told("never"), what="the end of what a plugin that is gone would have answered")


class Inside(unittest.TestCase):
    def test_private_addresses_are_refused(self):
        """As the owner left it: rules do not reach this machine's own services."""
        service = Service()
        self.addCleanup(service.end)
        gateway = Gateway(network={}).start()
        self.addCleanup(gateway.end)
        source = ("local wb = require 'warbler'\nwb.after('1ms', function()\n"
                  f"  local r, why, code = wb.http.get('{service.url}')\n"
                  "  wb.log.info('result ' .. wb.json.encode{ code = code, got = r ~= nil })\nend)\n")
        gateway.rest.call("PUT", "/v1/scripts/inside/source", {"source": source})
        line = until(lambda: next((x["text"] for x in gateway.rest.get("/v1/scripts/inside/log")["lines"]
                                   if x["text"].startswith("result")), None), what="the answer")
        self.assertEqual(json.loads(line[7:]), {"code": "denied", "got": False})
        self.assertEqual(service.asked, [])


if __name__ == "__main__":
    unittest.main()
