// SPDX-License-Identifier: Apache-2.0
//
// The player page: /watch/?room=R plays what the room broadcasts, now or whenever it begins.
//
//   asking (no room in the address) · connecting · waiting ⇄ live · reconnecting · error

import { NetworkJudge } from "../client/network.js";
import { describe as describeStreams, divide } from "../client/sampler.js";
import { WhepClient } from "../client/whep.js";
import { paintButton, watchShortcuts } from "../conference/controls.js";
import { byId, setData } from "../conference/dom.js";
import { fillIcons } from "../conference/icons.js";
import { announce, copyLink } from "../conference/notices.js";
import { describeReason } from "../conference/quality_words.js";
import { StatsPanel } from "./stats_panel.js";
import { describe } from "./words.js";

const IDLE_MS = 3000;
const MEASURE_MS = 1000;
const RETRY_MS = 3000;
/** Refusals that pass, and what is shown meanwhile. @type {Record<string, string>} */
const PASSING = { E_UNREACHABLE: "away", E_STATE: "away", E_LIMIT: "full" };
const VOLUME_KEY = "parley.volume";

const params = new URLSearchParams(location.search);
const room = params.get("room")?.trim() ?? "";
const participant = params.get("participant")?.trim() ?? "";
const video = /** @type {HTMLVideoElement} */ (byId("video"));
const volume = /** @type {HTMLInputElement} */ (byId("volume"));

/** For tests and for looking into it from the browser's console. @type {{player: WhepClient | null}} */
const parley = { player: null };
/** @type {any} */ (window).parley = parley;
let wasLive = false;
let judge = new NetworkJudge();

// ---- what is shown ----

/** @param {string} state @param {import("../client/errors.js").ParleyError | null} [error] */
function show(state, error = null) {
  if (document.body.dataset.state === state && !error) return;
  wasLive ||= state === "live";
  const { title, advice, status } = describe(state, error, wasLive);
  document.body.dataset.state = state;
  byId("state").textContent = status;
  byId("curtain-title").textContent = title;
  byId("curtain-advice").textContent = advice;
  byId("retry").hidden = state !== "error";
  if (title) announce(`${title} ${advice}`);
}

/** @param {WhepClient} player */
function update(player) {
  if (player.state === "closed") return; // "closed" has said why
  if (player.state === "connected") show(player.isLive ? "live" : "waiting");
  else if (player.state !== "connecting") show(player.state); // a further try shows nothing new
}

function paint() {
  const isMuted = video.muted || video.volume === 0;
  paintButton(byId("mute"), { icon: isMuted ? "speaker-off" : "speaker", label: isMuted ? "Sound on" : "Sound off", key: "M" });
  volume.value = String(isMuted ? 0 : Math.round(video.volume * 100));
  const isFull = Boolean(document.fullscreenElement);
  paintButton(byId("fullscreen"), { icon: "fullscreen", label: isFull ? "Leave full screen" : "Full screen", key: "F" });
  paintButton(byId("statistics"), { icon: "stats", label: "Statistics", key: "I" });
}

/** Figures for who wants them, and a word when the network spoils the picture. */
async function measure() {
  const { player } = parley;
  if (player?.state !== "connected") return;
  const stats = await player.getStats();
  panel.show(stats);
  const received = stats.streams.flatMap((stream) => describeStreams([stream], stats.path?.roundTripMs ?? null) ?? []);
  const sample = { ...divide(stats, [], []), received: /** @type {Map<any, any>} */ (new Map(received.map((one) => [one, one]))) };
  if (!judge.update(sample, false)) return;
  const [reason] = judge.quality.reasons;
  byId("note").hidden = !reason;
  byId("note-text").textContent = reason ? describeReason(reason) : "";
}

// ---- playing ----

/** @param {boolean} isAgain  after a refusal that passes, which stays on the screen */
async function watch(isAgain) {
  const path = ["/whep", room, participant].filter(Boolean).map((part) => (part.startsWith("/") ? part : encodeURIComponent(part)));
  const player = new WhepClient(path.join("/"), {
    token: params.get("token") ?? undefined,
    ...(params.get("relay") === "1" && { iceTransportPolicy: "relay" }),
  });
  parley.player = player;
  video.srcObject = player.stream;
  player.on("stateChanged", () => update(player));
  player.on("live", () => {
    update(player);
    void play();
  });
  player.on("waiting", () => update(player));
  player.on("closed", (error) => error && show("error", error));
  judge = new NetworkJudge();
  if (!isAgain) show("connecting");
  try {
    await player.start();
  } catch (/** @type {any} */ error) {
    const state = PASSING[error.code];
    if (state) setTimeout(() => parley.player === player && watch(true), RETRY_MS);
    show(state ?? "error", state ? null : error);
  }
}

/** Browsers hold sound back on a page that nobody has touched yet: then the picture comes first. */
async function play() {
  try {
    await video.play();
  } catch (/** @type {any} */ error) {
    if (error.name !== "NotAllowedError") return;
    video.muted = true;
    byId("unmute").hidden = false;
    await video.play().catch(() => {});
  }
}

function toggleMute() {
  video.muted = !video.muted;
  if (!video.muted && video.volume === 0) video.volume = 1;
  byId("unmute").hidden = true;
}

async function toggleFullscreen() {
  if (document.fullscreenElement) await document.exitFullscreen();
  else if (byId("screen").requestFullscreen) await byId("screen").requestFullscreen();
  else /** @type {any} */ (video).webkitEnterFullscreen?.(); // phones that show only a video so
}

async function share() {
  const url = new URL("/watch/", location.href);
  url.searchParams.set("room", room);
  if (participant) url.searchParams.set("participant", participant);
  await copyLink(url.href, "Link copied");
}

function watchPointer() {
  /** @type {any} */
  let timer = null;
  const wake = () => {
    setData(byId("screen"), "idle", null);
    clearTimeout(timer);
    timer = setTimeout(() => setData(byId("screen"), "idle", true), IDLE_MS);
  };
  for (const type of ["pointermove", "pointerdown", "keydown"]) document.addEventListener(type, wake);
  wake();
}

function rememberVolume() {
  try {
    localStorage.setItem(VOLUME_KEY, String(video.volume));
  } catch {
    // then not
  }
}

function recallVolume() {
  try {
    const value = Number(localStorage.getItem(VOLUME_KEY) ?? 1);
    if (value >= 0 && value <= 1) video.volume = value;
  } catch {
    // then as loud as it comes
  }
}

// ---- start ----

const panel = new StatsPanel(byId("stats"));

function toggleStats() {
  const isShown = panel.toggle();
  byId("statistics").setAttribute("aria-pressed", String(isShown));
}

function ask() {
  const input = /** @type {HTMLInputElement} */ (byId("room"));
  byId("ask").hidden = false;
  input.focus();
  byId("ask-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = input.value.trim();
    byId("room-error").textContent = name ? "" : "Say which room.";
    input.setAttribute("aria-invalid", String(!name));
    if (name) location.search = new URLSearchParams({ room: name }).toString();
  });
}

function start() {
  fillIcons();
  if (!room) {
    ask();
    return;
  }
  byId("player").hidden = byId("heading").hidden = byId("share").hidden = false;
  byId("title").textContent = participant && participant !== "mix" ? `${participant} in ${room}` : room;
  document.title = `${room} · Parley`;
  recallVolume();
  byId("mute").addEventListener("click", toggleMute);
  byId("unmute").addEventListener("click", toggleMute);
  byId("fullscreen").addEventListener("click", () => void toggleFullscreen().catch(() => {}));
  byId("statistics").addEventListener("click", toggleStats);
  byId("share").addEventListener("click", share);
  byId("retry").addEventListener("click", () => void watch(false));
  volume.addEventListener("input", () => {
    video.volume = Number(volume.value) / 100;
    video.muted = false;
    byId("unmute").hidden = true;
    rememberVolume();
  });
  video.addEventListener("volumechange", paint);
  document.addEventListener("fullscreenchange", paint);
  watchShortcuts({ m: toggleMute, f: () => void toggleFullscreen().catch(() => {}), i: toggleStats });
  watchPointer();
  setInterval(() => void measure().catch(() => {}), MEASURE_MS);
  paint();
  // A video that waits for its first picture would keep the page loading for as long.
  if (document.readyState === "complete") void watch(false);
  else addEventListener("load", () => void watch(false), { once: true });
}

start();
