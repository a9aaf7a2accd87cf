// SPDX-License-Identifier: GPL-3.0-or-later
// Small real files of every kind, made when they are needed.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What ffmpeg makes of these arguments, as a file with this name. */
function ffmpeg(name, ...args) {
	const dir = mkdtempSync(join(tmpdir(), 'warbler-files-')), path = join(dir, name);
	try {
		execFileSync('ffmpeg', ['-v', 'error', '-y', ...args.flat(), path], { stdio: ['ignore', 'ignore', 'inherit'] });
		return readFileSync(path);
	} finally {
		rmSync(dir, { recursive: true, force: true });
	}
}

const film = (size, seconds = 1) => ['-f', 'lavfi', '-i', `testsrc=size=${size}:rate=5:duration=${seconds}`];
const tone = (seconds) => ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`];
const h264 = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-movflags', '+faststart'];

const makers = {
	png: () => ffmpeg('a.png', film('64x48'), '-frames:v', '1'),
	jpeg: () => ffmpeg('a.jpg', film('64x48'), '-frames:v', '1'),
	mp4: () => ffmpeg('a.mp4', film('64x48'), tone(1), h264, '-c:a', 'aac', '-shortest'),
	square: () => ffmpeg('a.mp4', film('64x64'), tone(1), h264, '-c:a', 'aac', '-shortest'),
	silent: () => ffmpeg('a.mp4', film('64x48'), h264),
	gif: () => ffmpeg('a.gif', film('64x48')),
	mp3: () => ffmpeg('a.mp3', tone(2), '-ac', '1'),
	ogg: () => ffmpeg('a.ogg', tone(2), '-ac', '1', '-c:a', 'libopus'),
	webp: () => ffmpeg('a.webp', film('512x512'), '-frames:v', '1', '-c:v', 'libwebp'),
	moving: () => ffmpeg('a.webp', film('512x512'), '-c:v', 'libwebp_anim', '-loop', '0'),
};
const made = new Map();

/** The file of this name: always the same bytes. */
export function file(name) {
	if (!made.has(name))
		made.set(name, makers[name]());
	return made.get(name);
}

/** A WebP: its size, and what it says of its pack (EXIF, JSON in tag 0x5741); pack null: nothing. */
export function webp(bytes) {
	let width = 0, frames = 0, pack = null;
	for (let at = 12; at + 8 <= bytes.length;) {
		const tag = bytes.toString('latin1', at, at + 4), len = bytes.readUInt32LE(at + 4), b = bytes.subarray(at + 8, at + 8 + len);
		if (tag === 'VP8X')
			width = 1 + b.readUIntLE(4, 3);
		if (tag === 'ANMF')
			frames++;
		if (tag === 'EXIF')
			pack = JSON.parse(b.subarray(b.indexOf('{')).toString());
		at += 8 + len + (len & 1);
	}
	return { width, frames, pack };
}
