# SPDX-License-Identifier: GPL-3.0-or-later
"""plugins/first-plugin.md, command by command, as a new user would: with an installed copy, out of tree."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import BUILD, TOP, Case, Gateway, phone, until


class FirstPlugin(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dir = pathlib.Path(tempfile.mkdtemp(prefix="warbler-plugin-"))
        cls.addClassCleanup(shutil.rmtree, cls.dir, True)
        cls.prefix = cls.dir / "prefix"
        subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.prefix], check=True, stdout=subprocess.DEVNULL)

    def setUp(self):
        super().setUp()
        self.gw = Gateway(self.sandbox, plugins={"enabled": ["webhooks"]})
        self.addCleanup(self.gw.end)
        self.gw.args[0] = str(self.prefix / "bin" / "warbler")
        self.gw.start()
        page = (TOP / "plugins" / "first-plugin.md").read_text()
        self.blocks = re.findall(r"^```sh\n(.*?)^```", page, re.M | re.S)
        self.cwd, self.env = self.dir, {}

    def block(self):
        """The next block of the page in one shell; where it ends, and what it exported, is kept."""
        text = self.blocks.pop(0).replace("/opt/warbler", str(self.prefix))
        text = text.replace("http://127.0.0.1:8080", self.gw.rest.base)
        done = subprocess.run(["bash", "-ec", f"{text}\necho; echo @; pwd; env -0"], cwd=self.cwd, text=True,
                              env={**os.environ, "KEY": self.gw.rest.key, **self.env}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, f"{text}\n{done.stdout}")
        out, after = done.stdout.rsplit("\n@\n", 1)
        cwd, env = after.split("\n", 1)
        self.cwd = cwd
        self.env = {k: v for k, _, v in (e.partition("=") for e in env.split("\0") if e)
                    if k in ("PATH", "PKG_CONFIG_PATH")}
        return out

    def answers(self, out):
        """The JSON objects among what was printed."""
        found, at, read = [], out.find("{"), json.JSONDecoder().raw_decode
        while at >= 0:
            value, end = read(out, at)
            found.append(value)
            at = out.find("{", end)
        return found

    def test_the_page(self):
        self.assertIn("greeter", self.block())
        self.assertIn("100% tests passed", self.block())
        self.assertIn("can be loaded", self.block())
        loaded, hello = self.answers(self.block())
        self.assertEqual((loaded["name"], loaded["enabled_at_start"], loaded["handles"]),
                         ("greeter", False, {"routes": 1, "subscriptions": 1}))
        self.assertEqual(hello, {"greeting": "Hello from greeter", "messages": 0})

        self.gw.link(self.sandbox)
        customer = self.sandbox.account(phone(1))
        self.sandbox.say(customer, "good morning")
        until(lambda: self.gw.rest.get("/v1/greeter")["messages"] == 1)
        before = self.gw.session()

        reloaded, hello = self.answers(self.block())
        self.assertEqual(hello, {"greeting": "Good morning", "messages": 1})
        self.assertGreaterEqual(reloaded["loaded_at"], loaded["loaded_at"])
        self.assertEqual(self.gw.session(), before)     # no session noticed

        shown, gone = self.answers(self.block())
        self.assertEqual(shown["abi"], "1.2")
        self.assertEqual(shown["slow_callbacks"]["count"], 0)
        self.assertEqual(gone, {"name": "greeter", "loaded": False, "enabled_at_start": False})
        self.assertEqual(self.gw.rest.raw("GET", "/v1/greeter")[0], 404)
        self.assertEqual(self.gw.rest.raw("GET", "/v1/plugins/greeter")[0], 404)
        self.assertEqual(self.blocks, [])
        self.refusals()

    def refusals(self):
        """What a developer meets on the way: each is a problem with a reason, and the gateway goes on."""
        rest, source = self.gw.rest, pathlib.Path(self.cwd) / "greeter.c"
        good = source.read_text()
        installed = next(self.prefix.rglob("greeter.so"))

        def build(text):
            source.write_text(text)
            env = {**os.environ, **self.env}
            subprocess.run(["cmake", "--build", "build"], cwd=self.cwd, env=env, check=True, stdout=subprocess.DEVNULL)
            shutil.copyfile(source.parent / "build" / "greeter.so", installed)

        def change(what, status):
            got, body = rest.raw("POST", f"/v1/plugins/greeter/{what}")[:2]
            body = json.loads(body)
            self.assertEqual(got, status, body)
            return body

        change("unload", 404)
        change("reload", 404)
        change("load", 200)
        change("load", 409)
        build(good.replace("\t*ret_state = p;", "\t*ret_state = p;\n\tif (1)\n\t\treturn WB_ESTATE;"))
        self.assertIn("the one before it runs again", change("reload", 409)["detail"])
        self.assertEqual(rest.get("/v1/greeter")["greeting"], "Good morning")
        build(good.replace('"Good morning", "what', 'NULL, "what'))
        self.assertIn("plugins.greeter.greeting is required", change("reload", 422)["detail"])
        self.assertEqual(rest.get("/v1/greeter")["greeting"], "Good morning")
        self.gw.config["plugins"]["greeter"] = {"greeting": "Good evening"}
        self.gw.write()
        change("reload", 200)
        self.assertEqual(rest.get("/v1/greeter")["greeting"], "Good evening")
        self.gw.write("this is no Lua")
        self.assertIn("warbler.lua", change("reload", 422)["detail"])
        self.assertEqual(rest.get("/v1/greeter")["greeting"], "Good evening")
        self.assertEqual(rest.get("/v1/sessions/shop")["status"], "connected")
        metrics = rest.raw("GET", "/metrics")[1].decode()
        self.assertNotIn("warbler_plugins_slow_callbacks_total", metrics)


if __name__ == "__main__":
    unittest.main()
