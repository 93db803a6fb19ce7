// SPDX-License-Identifier: Apache-2.0
//
// A broadcaster stops and comes back under a player that others wrote: it goes on without asking for anything. (Plain
// RTCPeerConnections: whip.test.mjs; GStreamer: gstreamer.test.mjs; our own player: broadcast.test.mjs.)

import assert from "node:assert/strict";
import { bundle } from "./lib/commonjs.mjs";
import { until } from "./lib/poll.mjs";
import { scene } from "./lib/scene.mjs";
import { connect, end } from "./lib/wish_in_page.mjs";

const EMPTY = { path: "/client/README.md" };
const CAST = { name: "cast", endpoint: "/whip/hall" };

/** Every request that the page makes. */
function countRequests() {
  const { fetch } = window;
  window.requests = [];
  window.fetch = (input, init) => {
    window.requests.push(`${init?.method ?? "GET"} ${new URL(input.url ?? input, location.href).pathname}`);
    return fetch(input, init);
  };
}

/** What the player shows, by the video element and by its connection. */
async function look() {
  const video = document.querySelector("video");
  const rows = [...((await window.player.peer?.getStats())?.values() ?? [])];
  const row = rows.find(({ type, kind }) => type === "inbound-rtp" && kind === "video");
  const audio = rows.find(({ type, kind }) => type === "inbound-rtp" && kind === "audio");
  return { frames: row?.framesDecoded ?? 0, ssrc: row?.ssrc, sound: audio?.packetsReceived ?? 0, time: video.currentTime, width: video.videoWidth, requests: window.requests };
}

scene("@eyevinn/webrtc-player goes on when the broadcaster comes back, without a new negotiation", async (s) => {
  const [caster, viewer] = await Promise.all([s.open("Caster", EMPTY), s.open("Viewer", EMPTY)]);
  await caster.run(connect, CAST);
  await viewer.run(countRequests);
  await viewer.run(bundle("@eyevinn/webrtc-player", "eyevinn", ["@eyevinn/csai-manager", "@eyevinn/whpp-client"]));
  await viewer.run(async () => {
    const video = Object.assign(document.createElement("video"), { autoplay: true });
    document.body.append(video);
    window.player = new window.eyevinn.WebRTCPlayer({ video, type: "whep", iceServers: [], statsTypeFilter: "^inbound-rtp" });
    await window.player.load(new URL(`${location.origin}/whep/hall`));
  });
  const seen = () => viewer.run(look);
  const plays = async () => {
    const before = await seen();
    return until("the player to play", async () => {
      const now = await seen();
      return now.frames > before.frames + 10 && now.sound > before.sound + 20 && now.time > before.time + 0.5 && now;
    }, { describe: seen });
  };
  const first = await plays();
  for (let times = 0; times < 2; times++) {
    await caster.run(end, "cast");
    let { frames } = await seen();
    await until("the picture to stand still", async () => {
      const before = frames;
      ({ frames } = await seen());
      return frames === before;
    }, { intervalMs: 500 });
    await caster.run(connect, CAST);
    const { ssrc, requests } = await plays();
    assert.equal(ssrc, first.ssrc);
    assert.deepEqual(requests, first.requests, "the player asked for nothing");
  }
});
