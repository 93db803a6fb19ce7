// SPDX-License-Identifier: Apache-2.0
//
// An ICE restart finds a path anew without a break in the media.

import assert from "node:assert/strict";
import { everybodyMeets } from "./lib/person.mjs";
import { until } from "./lib/poll.mjs";
import { scene } from "./lib/scene.mjs";

/** Note the longest pause between two of Bob's frames from now on. */
const watchFrames = () => {
  const track = window.parley.room.participants.values().next().value.trackOf("camera");
  const video = document.createElement("video");
  Object.assign(video, { muted: true, srcObject: new MediaStream([track.mediaStreamTrack]) });
  document.body.append(Object.assign(video, { width: 16, height: 9 }));
  window.frames_ = { last: performance.now(), longest: 0, count: 0 };
  const onFrame = (now) => {
    const seen = window.frames_;
    seen.longest = Math.max(seen.longest, now - seen.last);
    seen.last = now;
    seen.count++;
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
  return video.play();
};

for (const browser of /** @type {const} */ (["chromium", "firefox"])) {
  scene(`an ICE restart in ${browser} does not interrupt the call`, async (s) => {
    const ann = await s.join("Ann", { browser });
    const bob = await s.join("Bob");
    await everybodyMeets([ann, bob]);
    await ann.run(watchFrames);
    await until("Ann to count frames", () => ann.run(() => window.frames_.count > 5));
    const before = await ann.path();

    await ann.run(() => {
      window.frames_.longest = 0;
      window.parley.room.restartIce();
    });
    const after = await until("another path", async () => {
      const path = await ann.path();
      const isNew = path.localUfrag !== before.localUfrag && path.remoteUfrag !== before.remoteUfrag && path.id !== before.id;
      return isNew && path;
    }, { describe: () => ann.path() });
    assert.notEqual(after.local.port, before.local.port, "the restart opened another socket");
    await ann.isConnected();
    await everybodyMeets([ann, bob]);
    const { longest } = await ann.run(() => window.frames_);
    assert.ok(longest < 1500, `the longest pause between frames was ${Math.round(longest)} ms`);
    assert.equal((await ann.look()).state, "joined");
  });
}
