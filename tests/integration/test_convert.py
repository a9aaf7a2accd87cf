# SPDX-License-Identifier: GPL-3.0-or-later
"""Files made ready: by POST /v1/media/{id}/convert, and by themselves when a message is sent."""
import json
import math
import pathlib
import shutil
import struct
import unittest
import zlib

from harness import ApiError, Case, phone, until


def png(width, height):
    """A picture with a gradient, made here."""
    rows = b"".join(b"\0" + bytes(v for x in range(width) for v in (x * 255 // width, y * 255 // height, 128))
                    for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def wav(seconds):
    data = b"".join(struct.pack("<h", int(math.sin(i * 0.35) * 8000)) for i in range(int(8000 * seconds)))
    return (b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " +
            struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16) + b"data" + struct.pack("<I", len(data)) + data)


class Convert(Case):
    def linked(self, **config):
        trust = {"media_private": True, "ca_file": self.sandbox.rest.get("/media")["ca_file"]}
        return super().linked(whatsapp=trust, **config)

    def put(self, g, data, mimetype):
        status, body, _ = g.rest.raw("POST", "/v1/media", data, {"Content-Type": mimetype})
        self.assertEqual(status, 201, body)
        return json.loads(body)["id"]

    def test_sticker(self):
        g = self.gateway()
        id = self.put(g, png(600, 300), "image/png")
        made = g.rest.post(f"/v1/media/{id}/convert", {"as": "sticker", "circle": True, "pack": {
            "id": "p1", "name": "Birds", "publisher": "we", "emojis": ["🐦"]}})
        self.assertNotEqual(made["id"], id)
        self.assertEqual((made["mimetype"], made["width"], made["height"]), ("image/webp", 512, 512))
        _, data, _ = g.rest.raw("GET", f"/v1/media/{made['id']}")
        self.assertEqual(data[:4] + data[8:12], b"RIFFWEBP")
        self.assertLessEqual(len(data), 100 << 10)
        self.assertIn(b'"sticker-pack-name":"Birds"', data)
        with self.assertRaises(ApiError) as e:
            g.rest.post(f"/v1/media/{id}/convert", {"as": "voice"})
        self.assertIn(e.exception.status, (422, 501))
        with self.assertRaises(ApiError) as e:
            g.rest.post(f"/v1/media/{self.put(g, b'no picture', 'image/png')}/convert", {"as": "sticker"})
        self.assertEqual((e.exception.status, e.exception.code), (422, "format"))

    def test_sent(self):
        g = self.linked()
        customer = self.sandbox.account(phone(60))
        id = self.put(g, png(300, 200), "image/png")
        m = g.rest.post("/v1/messages?wait=delivered", {"session": "shop", "to": f"+{customer}", "content": {
            "kind": "image", "media": {"id": id}, "text": "a gradient"}})
        self.assertEqual(m["status"], "delivered")
        got = until(lambda: self.sandbox.received(customer))[-1]["content"]
        self.assertEqual((got["media"]["width"], got["media"]["height"]), (300, 200))
        self.assertTrue(got["media"]["thumbnail"])

    @unittest.skipUnless(shutil.which("ffmpeg"), "ffmpeg is not installed")
    def test_voice(self):
        g = self.linked()
        customer = self.sandbox.account(phone(61))
        id = self.put(g, wav(1.5), "audio/wav")
        m = g.rest.post("/v1/messages?wait=delivered", {"session": "shop", "to": f"+{customer}", "content": {
            "kind": "audio", "media": {"id": id, "ptt": True}}})
        self.assertEqual(m["status"], "delivered")
        got = until(lambda: self.sandbox.received(customer))[-1]["content"]
        self.assertEqual(got["media"]["mimetype"], "audio/ogg; codecs=opus")
        self.assertEqual(got["media"]["seconds"], 2)
        self.assertTrue(got["media"]["ptt"] and got["media"]["waveform"])

    def test_stopped_meanwhile(self):
        """The gateway ends while a file is converted: the message waits for the next start."""
        g = self.gateway(start=False)
        slow = pathlib.Path(g.dir) / "ffmpeg"
        slow.write_text("#!/bin/sh\nexec sleep 1000\n")
        slow.chmod(0o700)
        g.config["media"] = {"ffmpeg": slow}
        g.config["whatsapp"].update(media_private=True, ca_file=self.sandbox.rest.get("/media")["ca_file"])
        g.write()
        g.start()
        g.link(self.sandbox)
        customer = self.sandbox.account(phone(62))
        m = g.rest.post("/v1/messages", {"session": "shop", "to": f"+{customer}", "content": {
            "kind": "audio", "media": {"id": self.put(g, wav(0.5), "audio/wav"), "ptt": True}}})
        until(lambda: [p for p in pathlib.Path("/proc").glob("[0-9]*/cmdline")
                       if p.read_bytes().startswith(b"sleep\0" + b"1000")], what="the conversion")
        self.assertEqual(g.stop(), 0)
        g.config["media"] = {"ffmpeg": ""}
        g.write()
        g.start()
        until(lambda: g.message(m["id"])["status"] == "failed", what="the message to be given up")
        self.assertEqual(g.message(m["id"])["reason"], "ffmpeg_missing")

    def test_without_ffmpeg(self):
        g = self.gateway(media={"ffmpeg": ""})
        with self.assertRaises(ApiError) as e:
            g.rest.post(f"/v1/media/{self.put(g, wav(0.2), 'audio/wav')}/convert", {"as": "voice"})
        self.assertEqual((e.exception.status, e.exception.code), (501, "ffmpeg_missing"))


if __name__ == "__main__":
    unittest.main()
