// SPDX-License-Identifier: Apache-2.0
//
// The player's states in words.

import { describeJoinError } from "../conference/messages.js";

/** @type {Record<string, {title: string, advice: string, status: string}>} */
const WORDS = {
  connecting: { title: "Connecting", advice: "One moment.", status: "Connecting…" },
  waiting: {
    title: "Nobody is broadcasting yet",
    advice: "Stay here: it begins by itself.",
    status: "Waiting",
  },
  stopped: { title: "The broadcast has stopped", advice: "Stay here: when it goes on, you see it.", status: "Waiting" },
  live: { title: "", advice: "", status: "Live" },
  reconnecting: { title: "The connection was lost", advice: "Finding the way back…", status: "Reconnecting…" },
  away: { title: "The server cannot be reached", advice: "We keep trying.", status: "Trying again…" },
  full: { title: "The room is full", advice: "Stay here: when somebody leaves, it begins by itself.", status: "Waiting" },
};

/**
 * @param {string} state
 * @param {import("../client/errors.js").ParleyError | null} error
 * @param {boolean} wasLive  something was played already
 */
export function describe(state, error, wasLive) {
  if (state === "waiting" && wasLive) return WORDS.stopped;
  if (state !== "error") return WORDS[state] ?? WORDS.connecting;
  return { ...describeJoinError(error ?? {}), status: "Not playing" };
}
