// SPDX-License-Identifier: Apache-2.0
//
// GStreamer broadcasts to Chromium, and Chromium to GStreamer: an implementation that shares no code with browsers, with other
// SDP (no header extensions, no RTX), other ICE (libnice) and other DTLS roles.

import assert from "node:assert/strict";
import { Gstreamer } from "./lib/gstreamer.mjs";
import { installLook } from "./lib/in_page.mjs";
import { until } from "./lib/poll.mjs";
import { scene } from "./lib/scene.mjs";
import { colorOf, connect, end, received } from "./lib/wish_in_page.mjs";

const EMPTY = { path: "/client/README.md" };
const PLAY = { name: "play", endpoint: "/whep/hall", direction: "recvonly" };
const CAST = { name: "cast", endpoint: "/whip/hall" };
/** Codecs keep a colour to within this. */
const NEAR = 24;

/** @param {number[] | null} seen @param {number[]} wanted */
const isNear = (seen, wanted) => seen !== null && seen.every((value, channel) => Math.abs(value - wanted[channel]) <= NEAR);

/** @param {any} person @param {any} options */
async function connects(person, options) {
  const result = await person.run(connect, options);
  assert.equal(result.status, 201, result.problem);
  return result;
}

/** @param {any} person @param {number[]} color */
async function sees(person, color) {
  const before = await person.run(received, "play");
  const look = async () => ({ ...(await person.run(received, "play")), color: await person.run(colorOf, "play") });
  return until(`${person.name} to see and hear GStreamer`, async () => {
    const now = await look();
    return now.frames > before.frames + 15 && now.audioPackets > before.audioPackets + 30 && now.energy > before.energy && isNear(now.color, color) && now;
  }, { describe: look });
}

for (const codec of ["VP8", "H264"]) {
  scene(`GStreamer broadcasts ${codec}: Chromium sees its colour and hears it`, async (s) => {
    const [early, late] = await Promise.all([s.open("Early", EMPTY), s.open("Late", EMPTY)]);
    await connects(early, PLAY);
    const caster = new Gstreamer(s, "publish", "/whip/hall", ["--codec", codec, "--color", "20C040"]);
    await caster.isConnected();
    const { videoCodec, width } = await sees(early, [0x20, 0xc0, 0x40]);
    assert.equal(videoCodec, `video/${codec}`);
    assert.equal(width, 640);
    // Its encoder makes no keyframe by itself within the test: who comes later depends on a request.
    await connects(late, PLAY);
    await sees(late, [0x20, 0xc0, 0x40]);
    await caster.stop();
    assert.equal(caster.last.deleted.status, 200);
    const again = new Gstreamer(s, "publish", "/whip/hall", ["--codec", codec, "--color", "C02040"]);
    await again.isConnected();
    const { posts } = await sees(early, [0xc0, 0x20, 0x40]);
    assert.equal(posts, 1, "nothing was negotiated again");
  });

  scene(`Chromium broadcasts ${codec}: GStreamer decodes its colour and its tone`, async (s) => {
    const caster = await s.open("Caster", { ...EMPTY, before: [installLook, { color: [40, 90, 220], hertz: 440 }] });
    await connects(caster, { ...CAST, codec });
    const players = ["/whep/hall", "/whep/hall"].map((endpoint) => new Gstreamer(s, "play", endpoint, ["--codec", codec]));
    for (const player of players) {
      await player.isConnected();
      const seen = await player.until("to see and hear Chromium", () => {
        const { seen } = player.last;
        return seen?.frames > 15 && isNear(seen.color, [38, 86, 209]) && seen.rms_db > -40 && seen;
      });
      assert.deepEqual([seen.width, seen.height], [640, 360]);
    }
    const before = players[0].last.seen;
    await caster.run(end, "cast");
    await connects(caster, { ...CAST, name: "again", codec });
    await players[0].until("to see Chromium again", () => players[0].last.seen.frames > before.frames + 30 && players[0].last.seen.rms_db > -40);
    for (const player of players) await player.stop();
    assert.deepEqual(players.map(({ last }) => last.deleted.status), [200, 200]);
  });
}
