// SPDX-License-Identifier: Apache-2.0
//
// Each codec forced once through the page's preferences, and what the receiver says it decodes.

import { scene } from "./lib/scene.mjs";

const SMALL = { height: 180 };

scene("H.264 with PCMU, VP8 with Opus", async (s) => {
  const [ann, bob] = await Promise.all([
    s.join("Ann", { params: { codec: "H264", audioCodec: "PCMU" } }),
    s.join("Bob", { params: { codec: "VP8", audioCodec: "opus" } }),
  ]);
  await Promise.all([
    bob.sees("Ann", { codec: "video/H264", width: 640, height: 360 }),
    bob.hears("Ann", { codec: "audio/PCMU" }),
    ann.sees("Bob", { codec: "video/VP8", width: 640, height: 360 }),
    ann.hears("Bob", { codec: "audio/opus" }),
  ]);
});

scene("VP9 with PCMA, AV1 with Opus", async (s) => {
  const [ann, bob] = await Promise.all([
    s.join("Ann", { params: { ...SMALL, codec: "VP9", audioCodec: "PCMA" } }),
    s.join("Bob", { params: { ...SMALL, codec: "AV1", audioCodec: "opus" } }),
  ]);
  await Promise.all([
    bob.sees("Ann", { codec: "video/VP9" }),
    bob.hears("Ann", { codec: "audio/PCMA" }),
    ann.sees("Bob", { codec: "video/AV1" }),
    ann.hears("Bob", { codec: "audio/opus" }),
  ]);
});

scene("H.264 reaches whoever can decode it, the others are told", async (s) => {
  const [ann, bob, fay] = await Promise.all([
    s.join("Ann", { params: { ...SMALL, codec: "H264" } }),
    s.join("Bob", { params: { ...SMALL, codec: "VP8" } }),
    s.join("Fay", { browser: "firefox", params: SMALL }), // without H.264
  ]);
  await bob.sees("Ann", { codec: "video/H264" });
  await fay.hears("Ann");
  await fay.sees("Bob", { codec: "video/VP8" });
  await ann.sees("Fay");
  await fay.page.waitForSelector(".toast");
});
