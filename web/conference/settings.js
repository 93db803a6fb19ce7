// SPDX-License-Identifier: Apache-2.0
//
// What the page starts with: its address, and what the browser remembers of last time.

/**
 * @typedef {object} Settings
 * @property {string} room
 * @property {string} name
 * @property {string} identity
 * @property {string} token
 * @property {boolean} joinAtOnce
 * @property {boolean} audio            start with the microphone on
 * @property {boolean} video            start with the camera on
 * @property {boolean} relay            media through TURN only
 * @property {string} videoCodec
 * @property {string} audioCodec
 * @property {boolean | undefined} simulcast
 * @property {number | undefined} lastN
 * @property {number | undefined} speakerAudio
 * @property {number | undefined} height
 * @property {number | undefined} frameRate
 */

/** @typedef {{camera: string, microphone: string, speaker: string}} DeviceChoice */
/** @typedef {{layout: "grid" | "speaker", quality: import("./quality_words.js").QualityChoice, statistics: boolean}} View */

const NAME_KEY = "parley.name";
const DEVICES_KEY = "parley.devices";
const VIEW_KEY = "parley.view";
/** What each part of a view may be, the usual first. */
const VIEWS = { layout: ["grid", "speaker"], quality: ["auto", "high", "medium", "low", "off"], statistics: [false, true] };
const ADJECTIVES = ["amber", "bright", "calm", "clear", "gentle", "green", "merry", "quiet", "silver", "sunny", "warm", "wide"];
const NOUNS = ["bay", "bridge", "garden", "harbor", "hill", "lake", "meadow", "orchard", "porch", "river", "terrace", "valley"];

/**
 * @param {string} search  location.search
 * @returns {Settings}
 */
export function readSettings(search) {
  const params = new URLSearchParams(search);
  const number = (/** @type {string} */ name) => (params.has(name) ? Number(params.get(name)) || undefined : undefined);
  return {
    room: params.get("room") ?? "",
    name: params.get("name") ?? recall(NAME_KEY) ?? "",
    identity: params.get("identity") ?? "",
    token: params.get("token") ?? "",
    joinAtOnce: params.get("join") === "1",
    audio: params.get("audio") !== "0",
    video: params.get("video") !== "0",
    relay: params.get("relay") === "1",
    videoCodec: params.get("codec") ?? "",
    audioCodec: params.get("audioCodec") ?? "",
    simulcast: params.has("simulcast") ? params.get("simulcast") === "1" : undefined,
    lastN: number("lastN"),
    speakerAudio: number("speakerAudio"),
    height: number("height"),
    frameRate: number("fps"),
  };
}

/** @param {string} name */
export function rememberName(name) {
  remember(NAME_KEY, name);
}

/** @returns {DeviceChoice} */
export function recallDevices() {
  try {
    return { camera: "", microphone: "", speaker: "", ...JSON.parse(recall(DEVICES_KEY) ?? "{}") };
  } catch {
    return { camera: "", microphone: "", speaker: "" };
  }
}

/** @param {DeviceChoice} choice */
export function rememberDevices(choice) {
  remember(DEVICES_KEY, JSON.stringify(choice));
}

/**
 * How the call was looked at last time; the page's address wins.
 * @param {string} search  location.search
 * @returns {View}
 */
export function recallView(search) {
  const params = new URLSearchParams(search);
  let last = {};
  try {
    last = JSON.parse(recall(VIEW_KEY) ?? "{}") ?? {};
  } catch {
    // then as usual
  }
  const asked = { layout: params.get("layout"), quality: params.get("quality"), statistics: params.has("stats") ? params.get("stats") === "1" : undefined };
  const pick = (/** @type {keyof typeof VIEWS} */ part) => [asked[part], /** @type {any} */ (last)[part]].find((value) => VIEWS[part].includes(/** @type {never} */ (value))) ?? VIEWS[part][0];
  return /** @type {View} */ ({ layout: pick("layout"), quality: pick("quality"), statistics: pick("statistics") });
}

/** @param {View} view */
export function rememberView(view) {
  remember(VIEW_KEY, JSON.stringify(view));
}

/** A room name that is easy to read out. */
export function suggestRoom() {
  const pick = (/** @type {string[]} */ words) => words[Math.floor(Math.random() * words.length)];
  return `${pick(ADJECTIVES)}-${pick(NOUNS)}-${100 + Math.floor(Math.random() * 900)}`;
}

/** @param {string} room */
export function inviteLink(room) {
  return `${location.origin}/?room=${encodeURIComponent(room)}`;
}

/** @param {string} key */
function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage can be switched off
  }
}

/**
 * @param {string} key
 * @param {string} value
 */
function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // then not
  }
}
