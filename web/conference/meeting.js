// SPDX-License-Identifier: Apache-2.0
//
// The call: shows what the room tells, and passes on what the user wants.

import { RemoteTrack, canShareScreen } from "../client/index.js";
import { AudioOutputs } from "./audio_outputs.js";
import { openDialog, paintButton, paintDeviceButton } from "./controls.js";
import { byId, make } from "./dom.js";
import { describeCallError } from "./messages.js";
import { MixPanel } from "./mix_panel.js";
import { NetworkView } from "./network_view.js";
import { announce, toastProblem } from "./notices.js";
import { showPeople } from "./people.js";
import { ReceivedQuality } from "./received_quality.js";
import { showState } from "./screens.js";
import { rememberView } from "./settings.js";
import { Stage } from "./stage.js";
import { TileMenu, ViewMenu } from "./view_menu.js";

/** @typedef {import("../client/room.js").Room} Room */
/** @typedef {import("./tile.js").Tile} Tile */

/** Figures that are looked at change every second; a verdict about the network has more time. */
const STATISTICS_MS = 1000;
const VERDICT_MS = 2000;

const LEFT_WORDS = new Map([
  ["removed", "was removed"],
  ["timeout", "lost the connection"],
]);

export class Meeting {
  #media;
  /** @type {Room | null} */
  #room = null;
  #stage;
  #audio;
  #isPending = false;
  #view;
  #quality;
  #network = new NetworkView();
  #viewMenu;
  #tileMenu;
  #mix;

  /**
   * @param {import("./local_media.js").LocalMedia} media
   * @param {import("./settings.js").View} view
   * @param {object} options
   * @param {() => void} options.onInvite    copies the link
   * @param {boolean} options.isRationed     few videos at a time are asked for
   * @param {boolean} options.hasToken       we joined with an access token
   */
  constructor(media, view, { onInvite, isRationed, hasToken }) {
    this.#media = media;
    this.#view = view;
    this.#quality = new ReceivedQuality(view.quality);
    this.#stage = new Stage(byId("stage"), makeWaiting(onInvite), {
      pin: (tile) => this.#togglePin(tile),
      menu: (tile, button) => this.#openTileMenu(tile, button),
      isRationed: () => isRationed,
    });
    this.#viewMenu = new ViewMenu({
      layout: (layout) => this.#setView({ layout }),
      quality: (quality) => this.#setView({ quality }),
      statistics: (statistics) => this.#setView({ statistics }),
    });
    this.#tileMenu = new TileMenu({
      pin: (tile) => this.#togglePin(tile),
      quality: (tile, quality) => tile.track instanceof RemoteTrack && this.#quality.setTrack(tile.track, quality),
    });
    this.#mix = new MixPanel({ needsToken: hasToken });
    this.#audio = new AudioOutputs(byId("audio-outputs"), (isBlocked) => (byId("hear").hidden = !isBlocked));
    byId("hear-button").addEventListener("click", () => this.#audio.playAll());
    byId("banner-retry").addEventListener("click", () => this.#room?.retryNow());
    byId("mic").addEventListener("click", () => media.toggle("audio"));
    byId("camera").addEventListener("click", () => media.toggle("video"));
    byId("screen").addEventListener("click", () => media.toggleScreen());
    byId("leave").addEventListener("click", () => this.#room?.leave());
    byId("people").addEventListener("click", () => openDialog("people-dialog"));
    byId("help").addEventListener("click", () => openDialog("help-dialog"));
    byId("screen").hidden = !canShareScreen();
    media.on("changed", () => this.#paintControls());
    media.on("error", (error) => {
      if (this.#room && error.code !== "E_CANCELLED") toastProblem(describeCallError(error));
    });
  }

  /** Whether a call is on. */
  get isOn() {
    return this.#room !== null;
  }

  /** @param {Room} room  before it connects, so that nothing is missed */
  watch(room) {
    this.#room = room;
    this.#mix.watch(room);
    const update = () => this.#scheduleUpdate();
    for (const type of /** @type {const} */ ([
      "participantUpdated",
      "trackPublished",
      "trackUnpublished",
      "trackMuted",
      "localTrackPublished",
      "localTrackUnpublished",
    ])) {
      room.on(type, update);
    }
    room.on("participantJoined", (participant) => {
      if (room.connectionState === "connected") announce(`${participant.name} joined.`);
      update();
    });
    room.on("participantLeft", (participant, reason) => {
      announce(`${participant.name} ${LEFT_WORDS.get(reason) ?? "left"}.`);
      update();
    });
    room.on("trackPublished", (track, participant) => {
      if (track.source === "screen") announce(`${participant.name} shares a screen.`);
    });
    room.on("trackSubscribed", (track) => {
      if (track.source === "mix") return; // its panel shows it
      if (track.kind === "audio") this.#audio.add(track);
      else this.#quality.apply(track);
      update();
    });
    room.on("sourceSubscribed", (track) => track.kind === "audio" && this.#audio.add(track));
    room.on("sourceUnsubscribed", (track) => track.kind === "audio" && this.#audio.remove(track));
    room.on("trackUnsubscribed", (track) => {
      if (track.kind === "audio") this.#audio.remove(track);
      update();
    });
    room.on("subscriptionFailed", (track, reason, message) => {
      const who = track?.participant.name ?? "Somebody";
      const advice = reason === "codec" ? "Your browser cannot play what they send. Try another browser." : message;
      toastProblem({ title: `${who} cannot be ${track?.kind === "audio" ? "heard" : "seen"}`, advice });
    });
    room.on("activeSpeakersChanged", () => this.#stage.refresh());
    room.on("speakersChanged", (dominant) => this.#stage.setDominant(dominant));
    room.on("connectionQualityChanged", (quality) => this.#network.show(quality));
    room.on("stats", (sample) => {
      this.#network.showSample(sample);
      if (this.#view.statistics) this.#stage.showSample(sample);
    });
    room.on("connectionStateChanged", (state) => this.#onState(state));
    room.on("error", (error) => {
      if (room.localParticipant) toastProblem(describeCallError(error));
      update();
    });
  }

  /** Joined: show the call. */
  open() {
    const room = this.#room;
    if (!room) return;
    byId("room-name").textContent = room.name;
    paintButton(byId("leave"), { icon: "leave", label: "Leave the room", key: "L" });
    paintButton(byId("settings"), { icon: "settings", label: "Devices" });
    paintButton(byId("view"), { icon: "view", label: "Layout and quality" });
    showState("joined");
    this.#applyView();
    this.#update();
    this.#mix.update();
    this.#stage.layout();
    announce(`You joined ${room.name}. ${countOthers(room.participants.size)}`);
  }

  /** The call is over. */
  close() {
    this.#room = null;
    this.#mix.clear();
    this.#audio.clear();
    this.#stage.clear();
    this.#network.clear();
    byId("banner").hidden = true;
  }

  leave() {
    this.#room?.leave();
  }

  toggleLayout() {
    this.#setView({ layout: this.#view.layout === "grid" ? "speaker" : "grid" });
  }

  toggleMix() {
    this.#mix.toggle();
  }

  toggleStatistics() {
    this.#setView({ statistics: !this.#view.statistics });
  }

  /** Pin the tile with the focus or of who speaks, or unpin. */
  togglePin() {
    const tile = this.#stage.tileInMind;
    if (tile) this.#togglePin(tile);
  }

  /** @param {string} deviceId */
  setSpeaker(deviceId) {
    this.#audio.setSpeaker(deviceId);
  }

  /** @param {Partial<import("./settings.js").View>} changes */
  #setView(changes) {
    if (!this.#room) return;
    Object.assign(this.#view, changes);
    rememberView(this.#view);
    this.#applyView();
    if (changes.layout) announce(changes.layout === "grid" ? "Everybody has the same size." : "Who speaks is large.");
    if (changes.statistics !== undefined) announce(changes.statistics ? "Statistics are shown." : "Statistics are hidden.");
  }

  #applyView() {
    const { layout, quality, statistics } = this.#view;
    this.#viewMenu.show(this.#view);
    this.#stage.setLayout(layout);
    this.#stage.setStatistics(statistics);
    this.#room?.setStatsPeriod(statistics ? STATISTICS_MS : VERDICT_MS);
    this.#quality.setAll(quality, this.#remoteVideos());
  }

  /** @returns {RemoteTrack[]} */
  #remoteVideos() {
    const tracks = [...(this.#room?.participants.values() ?? [])].flatMap(({ tracks }) => [...tracks.values()]);
    return tracks.filter((track) => track instanceof RemoteTrack && track.kind === "video").map((track) => /** @type {RemoteTrack} */ (track));
  }

  /** @param {Tile} tile */
  #togglePin(tile) {
    const isPinned = this.#stage.pinned === tile;
    this.#stage.pin(isPinned ? null : tile);
    announce(isPinned ? `${tile.title} is no longer pinned.` : `${tile.title} is pinned.`);
  }

  /**
   * @param {Tile} tile
   * @param {HTMLElement} button
   */
  #openTileMenu(tile, button) {
    const { track } = tile;
    const quality = track instanceof RemoteTrack ? this.#quality.ofTrack(track) : null;
    this.#tileMenu.open(tile, button, { isPinned: this.#stage.pinned === tile, quality });
  }

  /** @param {import("../client/room.js").ConnectionState} state */
  #onState(state) {
    if (state !== "connected" && state !== "reconnecting") return;
    const isLost = state === "reconnecting";
    byId("banner").hidden = !isLost;
    byId("banner-text").textContent = isLost ? "The connection was lost. Reconnecting…" : "";
    if (document.body.dataset.state === "joined" && isLost) showState("reconnecting");
    if (document.body.dataset.state === "reconnecting" && !isLost) {
      showState("joined");
      announce("You are connected again.");
    }
  }

  #paintControls() {
    if (!this.#room) return;
    paintDeviceButton(byId("mic"), "audio", this.#media);
    paintDeviceButton(byId("camera"), "video", this.#media);
    const isSharing = this.#media.isSharing;
    paintButton(byId("screen"), {
      icon: "screen",
      label: isSharing ? "Stop sharing your screen" : "Share your screen",
      key: "S",
      isOn: isSharing,
      isBusy: this.#media.isBusy("screen"),
    });
  }

  /** Many events of one message make one update. */
  #scheduleUpdate() {
    if (this.#isPending) return;
    this.#isPending = true;
    queueMicrotask(() => {
      this.#isPending = false;
      this.#update();
    });
  }

  #update() {
    const room = this.#room;
    if (!room?.localParticipant) return;
    const everybody = [room.localParticipant, ...room.participants.values()];
    this.#stage.show(everybody);
    showPeople(everybody);
    this.#paintControls();
  }
}

/** @param {() => void} onInvite */
function makeWaiting(onInvite) {
  const button = make("button", { class: "button primary", text: "Copy invite link", attributes: { type: "button" } });
  button.addEventListener("click", onInvite);
  const tile = make("div", { class: "tile waiting" }, [
    make("strong", { text: "Nobody else is here yet" }),
    make("span", { class: "quiet", text: "Send them the link and they are one click away." }),
    button,
  ]);
  tile.hidden = true;
  byId("stage").append(tile);
  return tile;
}

/** @param {number} count */
function countOthers(count) {
  if (count === 0) return "Nobody else is here yet.";
  return count === 1 ? "One other person is here." : `${count} others are here.`;
}
