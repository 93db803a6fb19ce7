// SPDX-License-Identifier: Apache-2.0
//
// The studio: see what you send, go live, watch how it goes.
//
//   ready ──▶ starting ──▶ live ⇄ reconnecting ──▶ ready

import { canScale, canShareScreen, chooseEncodings, listDevices, onDevicesChanged, sendableCodecs } from "../client/index.js";
import { WhipClient } from "../client/whip.js";
import { paintButton, watchShortcuts } from "../conference/controls.js";
import { byId, make, setData } from "../conference/dom.js";
import { fillIcons } from "../conference/icons.js";
import { LevelMeter } from "../conference/level_meter.js";
import { describeCaptureError, describeJoinError } from "../conference/messages.js";
import { announce, copyLink, makeNotice, toastProblem } from "../conference/notices.js";
import { suggestRoom } from "../conference/settings.js";
import { LivePanel } from "./live_panel.js";
import { Studio } from "./studio.js";

/** @typedef {import("./studio.js").Source} Source */

/** Label, bits per second, and the height of picture that fits it. */
const QUALITIES = [
  { label: "Low, 0.6 Mb/s", bps: 600_000 },
  { label: "Medium, 1.5 Mb/s", bps: 1_500_000 },
  { label: "High, 2.5 Mb/s", bps: 2_500_000 },
  { label: "Very high, 5 Mb/s", bps: 5_000_000 },
];
const DEFAULT_BPS = 2_500_000;
const CODECS = ["H264", "VP8", "VP9", "AV1"];
const LAYERS = [
  { label: "Several, for slow viewers too", value: "several" },
  { label: "One, for the least upload", value: "one" },
];
const STATES = { ready: "", starting: "Connecting…", live: "Live", reconnecting: "Reconnecting…" };

const params = new URLSearchParams(location.search);
const studio = new Studio({ height: Number(params.get("height")) || undefined });
const meter = new LevelMeter(byId("meter"));
const panel = new LivePanel({ panel: byId("panel"), figures: byId("stats"), graph: byId("graph"), layers: byId("layer-list") });
const video = /** @type {HTMLVideoElement} */ (byId("video"));
const room = /** @type {HTMLInputElement} */ (byId("room"));
const bitrate = /** @type {HTMLSelectElement} */ (byId("bitrate"));
const codec = /** @type {HTMLSelectElement} */ (byId("codec"));
const layers = /** @type {HTMLSelectElement} */ (byId("layers"));

/** For tests and for looking into it from the browser's console. @type {{broadcast: WhipClient | null}} */
const parley = { broadcast: null };
/** @type {any} */ (window).parley = parley;
let startedAtMs = 0;
/** @type {MediaStreamTrack | null} */
let measured = null;

// ---- what is shown ----

/** @param {keyof typeof STATES} state */
function show(state) {
  if (document.body.dataset.state === state && byId("go-text").textContent) return;
  const isOn = state !== "ready";
  document.body.dataset.state = state;
  byId("state").textContent = STATES[state];
  byId("go-text").textContent = isOn ? "End the broadcast" : "Go live";
  byId("badge").hidden = state !== "live" && state !== "reconnecting";
  for (const input of [room, codec, layers]) input.disabled = isOn; // they are settled with the offer
  if (STATES[state]) announce(STATES[state]);
}

function update() {
  const preview = byId("preview");
  const shown = /** @type {MediaStream | null} */ (video.srcObject)?.getVideoTracks()[0] ?? null;
  if (studio.video !== shown) video.srcObject = studio.video && new MediaStream([studio.video]);
  setData(preview, "hasVideo", Boolean(studio.video));
  paintButton(byId("mic"), {
    icon: studio.isMuted || !studio.microphone ? "mic-off" : "mic",
    label: studio.isMuted ? "Turn microphone on" : "Turn microphone off",
    key: "M",
    isOff: studio.isMuted || !studio.microphone,
  });
  const toMeasure = studio.isMuted ? null : studio.microphone;
  if (toMeasure !== measured) meter.measure((measured = toMeasure));
  const chosen = /** @type {HTMLInputElement | null} */ (document.querySelector(`input[name="source"][value="${studio.source}"]`));
  if (chosen) chosen.checked = true;
}

/** @param {any} error  of a capture */
function showCaptureError(error) {
  if (error.code === "E_CANCELLED") return;
  const retry = { label: "Try again", run: () => void use(studio.source) };
  const instead = canShareScreen() ? "send a screen" : "";
  byId("notices").replaceChildren(makeNotice(describeCaptureError(error, instead), error.code === "E_INSECURE_CONTEXT" ? undefined : retry));
}

function tick() {
  if (!parley.broadcast) return;
  const seconds = Math.floor((Date.now() - startedAtMs) / 1000);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  byId("clock").textContent = `${hours ? `${hours}:${two(Math.floor(seconds / 60) % 60)}` : Math.floor(seconds / 60)}:${two(seconds % 60)}`;
}

// ---- sources ----

/** @param {Source} source */
async function use(source) {
  byId("notices").replaceChildren();
  byId("hint").textContent = "Starting…";
  try {
    await studio.use(source);
  } catch (error) {
    showCaptureError(error);
  }
  byId("hint").textContent = "No picture";
  update();
  await listInputs();
}

async function listInputs() {
  const { cameras, microphones } = await listDevices();
  for (const [role, devices] of /** @type {const} */ ([["camera", cameras], ["microphone", microphones]])) {
    const select = /** @type {HTMLSelectElement} */ (byId(role));
    const options = devices.map((device, i) => make("option", { text: device.label || `${role} ${i + 1}`, attributes: { value: device.deviceId } }));
    select.disabled = options.length === 0;
    select.replaceChildren(...(options.length > 0 ? options : [make("option", { text: "None found" })]));
    select.value = studio.deviceOf(role);
    if (select.selectedIndex < 0) select.selectedIndex = 0;
  }
}

/** The broadcast goes on with what is there now. */
async function followStudio() {
  update();
  const { broadcast } = parley;
  for (const track of [studio.video, studio.audio]) if (track) await broadcast?.replaceTrack(track).catch(() => {});
}

// ---- the broadcast ----

async function goLive() {
  const name = room.value.trim();
  byId("room-error").textContent = name ? "" : "Give the room a name.";
  room.setAttribute("aria-invalid", String(!name));
  if (!name) {
    room.focus();
    return;
  }
  const tracks = [studio.audio, studio.video].flatMap((track) => (track ? [track] : []));
  if (tracks.length === 0) {
    toastProblem({ title: "There is nothing to send", advice: "Choose a camera or a screen first." });
    return;
  }
  const endpoint = new URL(`/whip/${encodeURIComponent(name)}`, location.href);
  const identity = params.get("identity");
  if (identity) endpoint.searchParams.set("identity", identity);
  const broadcast = (parley.broadcast = new WhipClient(endpoint, {
    stream: new MediaStream(tracks),
    maxBitrate: Number(bitrate.value),
    videoCodec: codec.value || undefined,
    encodings: studio.video ? encodingsOf(studio.video) : undefined,
    degradationPreference: studio.source === "camera" ? undefined : "maintain-resolution",
    token: params.get("token") ?? undefined,
  }));
  broadcast.on("stateChanged", (state) => {
    if (parley.broadcast !== broadcast) return;
    if (state === "connected") {
      startedAtMs ||= Date.now();
      show("live");
    } else if (state === "reconnecting") {
      show("reconnecting");
    }
  });
  broadcast.on("closed", (error) => parley.broadcast === broadcast && ended(error));
  show("starting");
  keepInAddress(name);
  panel.watch(broadcast);
  try {
    await broadcast.start();
  } catch (error) {
    ended(error);
  }
}

/** @param {MediaStreamTrack} video */
function encodingsOf(video) {
  const { width, height = 720 } = video.getSettings();
  return chooseEncodings({
    source: "camera", // a broadcast of a screen moves, too
    width,
    height,
    simulcast: layers.value === "several",
    maxBitrate: Number(bitrate.value),
    videoCodec: codec.value,
    canScale,
  });
}

/** @param {any} [error] */
function ended(error) {
  parley.broadcast = null;
  startedAtMs = 0;
  panel.watch(null);
  show("ready");
  if (error && error.code !== "E_CLOSED") toastProblem(describeJoinError(error));
}

async function stop() {
  const { broadcast } = parley;
  ended();
  await broadcast?.close();
}

/** @param {string} name */
function keepInAddress(name) {
  const url = new URL(location.href);
  url.searchParams.set("room", name);
  history.replaceState(null, "", url);
}

async function share() {
  const url = new URL("/watch/", location.href);
  url.searchParams.set("room", room.value.trim());
  await copyLink(url.href, "Link copied");
}

// ---- start ----

function fillForm() {
  room.value = params.get("room") ?? suggestRoom();
  bitrate.append(...QUALITIES.map(({ label, bps }) => make("option", { text: label, attributes: { value: String(bps) } })));
  bitrate.value = String(Number(params.get("bitrate")) || DEFAULT_BPS);
  if (bitrate.selectedIndex < 0) bitrate.value = String(DEFAULT_BPS);
  const known = sendableCodecs("video");
  const names = CODECS.filter((name) => known.includes(name));
  codec.append(make("option", { text: "Automatic", attributes: { value: "" } }));
  codec.append(...names.map((name) => make("option", { text: name === "H264" ? "H.264" : name, attributes: { value: name } })));
  codec.value = params.get("codec")?.toUpperCase() ?? "";
  if (codec.selectedIndex < 0) codec.value = "";
  layers.append(...LAYERS.map(({ label, value }) => make("option", { text: label, attributes: { value } })));
  layers.value = params.get("simulcast") === "0" ? "one" : "several";
}

async function start() {
  fillIcons();
  fillForm();
  show("ready");
  for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('input[name="source"]'))) {
    if (input.value !== "camera") input.disabled = !canShareScreen();
    input.addEventListener("change", () => void use(/** @type {Source} */ (input.value)));
  }
  studio.on("changed", () => void followStudio());
  studio.on("error", showCaptureError);
  studio.on("screenEnded", () => void use("camera"));
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    void (parley.broadcast ? stop() : goLive());
  });
  const toggleMic = () => studio.setMuted(!studio.isMuted);
  byId("mic").addEventListener("click", toggleMic);
  byId("share").addEventListener("click", share);
  bitrate.addEventListener("change", () => void parley.broadcast?.setMaxBitrate(Number(bitrate.value)));
  for (const role of /** @type {const} */ (["camera", "microphone"])) {
    byId(role).addEventListener("change", (event) => {
      const { value } = /** @type {HTMLSelectElement} */ (event.target);
      studio.setDevice(role, value).catch(showCaptureError);
    });
  }
  watchShortcuts({ m: toggleMic });
  onDevicesChanged(() => void listInputs());
  addEventListener("beforeunload", (event) => parley.broadcast && event.preventDefault());
  setInterval(tick, 500);
  await use("camera");
  if (params.get("live") === "1") await goLive();
}

void start();
