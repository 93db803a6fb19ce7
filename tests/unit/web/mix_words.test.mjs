// SPDX-License-Identifier: Apache-2.0
//
// The mix of a room in words and numbers.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  FIRST_CHOICE,
  SIZES,
  bitrateOf,
  describeActual,
  describeMixError,
  qualityOf,
  qualityOptions,
  watchLink,
  withBitrate,
} from "../../../web/conference/mix_words.js";

/** What startMix takes (docs/api.md). */
const [MIN_BPS, MAX_BPS] = [100_000, 20_000_000];

test("every picture has three bitrates that the server takes, and they can be told apart", () => {
  for (const [width, height] of SIZES) {
    for (const fps of [1, 15, 30, 60]) {
      const rates = ["low", "medium", "high"].map((quality) => bitrateOf({ width, height, fps }, quality));
      assert.ok(rates.every((bps) => bps >= MIN_BPS && bps <= MAX_BPS), `${width}x${height} ${fps}: ${rates}`);
      if (fps >= 15) assert.ok(rates[0] < rates[1] && rates[1] < rates[2], `${width}x${height} ${fps}: ${rates}`);
    }
  }
  assert.equal(bitrateOf(FIRST_CHOICE, "medium"), FIRST_CHOICE.bitrate);
});

test("another size or rate keeps the quality; a bitrate that somebody set stays", () => {
  const fine = { ...FIRST_CHOICE, bitrate: bitrateOf(FIRST_CHOICE, "high") };
  const changes = withBitrate(fine, { width: 640, height: 360 });
  assert.equal(qualityOf({ ...fine, ...changes }), "high");
  assert.ok(changes.bitrate < fine.bitrate);
  assert.deepEqual(withBitrate(fine, { layout: "pip" }), { layout: "pip" });
  const odd = { ...FIRST_CHOICE, bitrate: 1_234_567 };
  assert.equal(qualityOf(odd), null);
  assert.deepEqual(withBitrate(odd, { fps: 15 }), { fps: 15 });
  assert.deepEqual(qualityOptions(odd)[0], ["", "As set · 1.2 Mb/s"]);
  assert.deepEqual(qualityOptions(FIRST_CHOICE).map(([value]) => value), ["low", "medium", "high"]);
});

test("what the server makes at present is told when it is less than asked for", () => {
  const asked = { width: 1280, height: 720, fps: 30 };
  assert.deepEqual(describeActual({ ...asked, actual: { ...asked, level: 0 } }), { isLowered: false, text: "1280 × 720, 30 a second" });
  const slower = describeActual({ ...asked, actual: { ...asked, fps: 15, level: 1 } });
  assert.ok(slower.isLowered);
  assert.match(slower.text, /makes 1280 × 720 at 15 pictures a second instead of 30\./);
  const smaller = describeActual({ ...asked, actual: { width: 640, height: 360, fps: 15, level: 3 } });
  assert.match(smaller.text, /makes 640 × 360 at 15 pictures a second instead of 1280 × 720 at 30\./);
});

test("a room's name cannot break its link", () => {
  assert.equal(watchLink("https://x", "a&b c/?"), "https://x/watch/?room=a%26b+c%2F%3F&participant=mix");
});

const refusals = [
  ["E_CONFLICT", /mixed already/],
  ["E_NOT_FOUND", /not mixed any more/],
  ["E_UNSUPPORTED", /does not mix/],
  ["E_DENIED", /may not mix/],
  ["E_LIMIT", /another mix/],
  ["E_SIGNAL_LOST", /did not answer/],
  ["E_TIMEOUT", /did not answer/],
  ["E_STATE", /not connected/],
];
for (const [code, words] of refusals) {
  test(`${code} is said in words`, () => {
    const { title, advice } = describeMixError({ code, message: "?" });
    assert.match(title, words);
    assert.ok(advice.length > 10);
  });
}

test("what has no words of its own is told as the server said it", () => {
  assert.equal(describeMixError({ code: "E_INVALID", message: "width: must be even" }).advice, "width: must be even");
});
