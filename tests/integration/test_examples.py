# SPDX-License-Identifier: GPL-3.0-or-later
"""What examples/ promises: built against an installed copy, out of tree, and run against the sandbox."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from harness import BUILD, SHOP, TOP, Case, Gateway, Program, phone, until


def run(*args, **kw):
    done = subprocess.run([str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, args))}: {done.returncode}\n{done.stdout}")
    return done.stdout


class Examples(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dir = pathlib.Path(tempfile.mkdtemp(prefix="warbler-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.dir, True)
        cls.prefix = cls.dir / "prefix"
        run("cmake", "--install", BUILD, "--prefix", cls.prefix)
        pc = next(cls.prefix.rglob("warbler-plugin.pc"))
        cls.env = {**os.environ, "PKG_CONFIG_PATH": str(pc.parent)}

    def build(self, name, *options):
        source, out = self.dir / name, self.dir / f"{name}-build{len(options)}"
        shutil.copytree(TOP / "examples" / name, source, dirs_exist_ok=True)
        run("cmake", "-S", source, "-B", out, *options, env=self.env)
        run("cmake", "--build", out, env=self.env)
        return out

    def installed(self, **config):
        """A gateway from the installed copy."""
        g = Gateway(self.sandbox, **config)
        self.addCleanup(g.end)
        g.args[0] = str(self.prefix / "bin" / "warbler")
        return g

    def test_plugin_hello(self):
        out = self.build("plugin-hello")
        plugins = next(self.prefix.rglob("webhooks.so")).parent
        shutil.copy(out / "hello.so", plugins)
        g = self.installed(plugins={"enabled": ["webhooks", "hello"], "dir": plugins}).start()
        self.assertIn("hello", [p["name"] for p in g.rest.get("/v1/plugins")["plugins"]])
        g.link(self.sandbox)
        customer = self.sandbox.account(phone(1))
        self.sandbox.say(customer, "Hello there")
        self.sandbox.say(customer, "something else")
        until(lambda: self.sandbox.received(customer))
        g.event("message.delivered")
        self.assertEqual([m["text"] for m in self.sandbox.received(customer)], ["Hello! This is a plugin speaking."])
        self.assertRegex(g.rest.raw("GET", "/metrics")[1].decode(), r"greetings_total\S* 1\b")

    def test_libwa_echo(self):
        out = self.build("libwa-echo")
        p = Program("echo", [out / "echo", self.sandbox.url, self.sandbox.root_key])
        self.addCleanup(p.kill)
        p.spawn()
        self.sandbox.scan(SHOP, p.line(r"^scan this: (.+)")[1])
        p.line("^ready", start=0)
        until(lambda: self.sandbox.get(SHOP)["connected"] == 1)
        customer = self.sandbox.account(phone(2))
        for text in ("is there an echo?", "again"):
            self.sandbox.say(customer, text)
            until(lambda: text in [m["text"] for m in self.sandbox.received(customer)])
        self.assertEqual(len(self.sandbox.received(customer)), 2)

    def test_libwa_archiver(self):
        """Found by CMake's package file and by pkg-config; links once; goes on after a kill."""
        env = {k: v for k, v in os.environ.items() if k != "PKG_CONFIG_PATH"}
        self.env, with_pc = env, self.env
        try:
            out = self.build("libwa-archiver", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        finally:
            self.env = with_pc
        by_pc = self.build("libwa-archiver", "-DUSE_PKG_CONFIG=ON", "-Wno-dev")
        keys, archive = self.dir / "keys.log", self.dir / "messages.jsonl"
        shop, customer = self.sandbox.account(phone(30)), self.sandbox.account(phone(31), "Nadia")
        p = Program("archiver", [out / "archiver", self.sandbox.url, self.sandbox.root_key, keys, archive])
        self.addCleanup(p.kill)
        p.spawn()
        self.sandbox.scan(shop, p.line(r"^scan this: (.+)")[1])
        p.line("^ready")
        texts = ["the first", 'with "quotes"\n and a line']

        def lines():
            return [json.loads(x) for x in archive.read_text().splitlines()] if archive.exists() else []

        self.sandbox.say(customer, texts[0], to=shop)
        until(lambda: texts[0] in [m["text"] for m in lines()])
        p.kill()
        self.sandbox.say(customer, texts[1], to=shop)
        p.args[0] = str(by_pc / "archiver")
        p.spawn()
        p.line("^ready")
        until(lambda: texts[1] in [m["text"] for m in lines()])
        self.assertNotIn("scan this", p.output)
        self.assertEqual({m["name"] for m in lines() if not m["from_me"]}, {"Nadia"})

    def test_rest_walk(self):
        for tool in ("curl", "jq", "openssl"):
            if not shutil.which(tool):
                self.skipTest(f"{tool} is not installed")
        g = self.gateway()
        env = {**os.environ, "WARBLER_URL": g.rest.base, "WARBLER_KEY": g.key,
               "SANDBOX_URL": self.sandbox.rest.base.removesuffix("/v1/sandbox")}
        said = run(TOP / "examples" / "rest-walk" / "walk.sh", env=env, timeout=120)
        self.assertTrue(said.endswith("done\n"), said)
        self.assertIn('"to":"confirmed"', said)
        self.assertEqual(g.rest.get("/v1/sessions")["sessions"], [])

    def test_media_and_groups(self):
        for tool in ("curl", "jq", "base64"):
            if not shutil.which(tool):
                self.skipTest(f"{tool} is not installed")
        g = self.gateway(whatsapp={"media_private": True, "ca_file": self.sandbox.rest.get("/media")["ca_file"]})
        env = {**os.environ, "WARBLER_URL": g.rest.base, "WARBLER_KEY": g.key,
               "SANDBOX_URL": self.sandbox.rest.base.removesuffix("/v1/sandbox")}
        said = run(TOP / "examples" / "media-and-groups" / "walk.sh", env=env, timeout=120)
        self.assertTrue(said.endswith("done\n"), said)
        self.assertIn('"mimetype":"image/png"', said)   # by its bytes: curl says it is a form
        self.assertIn("Friends: Nadia: Hello all", said)


if __name__ == "__main__":
    unittest.main()
