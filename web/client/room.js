// SPDX-License-Identifier: Apache-2.0
//
// The room as a page sees it. Puts the parts together and owns none of their logic: connection.js keeps
// the way to the server, roster.js the others, arrivals.js what arrives, publications.js what is sent.

import { Arrivals } from "./arrivals.js";
import { Connection } from "./connection.js";
import * as devices from "./devices.js";
import { Emitter } from "./emitter.js";
import { ParleyError } from "./errors.js";
import { LocalTrack } from "./local_track.js";
import { Mix } from "./mix.js";
import { NetworkJudge } from "./network.js";
import { Participant } from "./participant.js";
import { Publications } from "./publications.js";
import { Roster } from "./roster.js";
import { Sampler } from "./sampler.js";
import { Speakers } from "./speakers.js";
import { summarise } from "./stats.js";
import { UplinkProbe } from "./uplink_probe.js";

/** @typedef {import("./received_track.js").ReceivedTrack} ReceivedTrack */
/** @typedef {import("./remote_track.js").RemoteTrack} RemoteTrack */
/** @typedef {import("./source_track.js").SourceTrack} SourceTrack */
/** @typedef {import("./types.js").JoinResult} JoinResult */
/** @typedef {import("./connection.js").ConnectionState} ConnectionState */

const SAMPLE_INTERVAL_MS = 2000;

/**
 * `audioCodec` ("PCMU") and `videoCodec` ("H264") are preferred for what is sent.
 * @typedef {import("./connection.js").ConnectionOptions & {audioCodec?: string, videoCodec?: string}} RoomOptions
 */

/**
 * @typedef {object} ConnectOptions
 * @property {string} [url]           of the WebSocket; by default /ws of this page's server
 * @property {string} room
 * @property {string} [name]
 * @property {string} [identity]
 * @property {any} [metadata]
 * @property {string} [token]
 * @property {boolean} [autoSubscribe]
 * @property {number} [lastN]         video of at most so many: screens first, then who spoke last
 * @property {number} [speakerAudio]  sound through so many tracks that follow who speaks (`sourceSubscribed`)
 * @property {LocalTrack[]} [tracks]  published with the first offer
 */

/**
 * @extends {Emitter<{
 *   connectionStateChanged: [ConnectionState],
 *   participantJoined: [Participant],
 *   participantLeft: [Participant, string],
 *   participantUpdated: [Participant],
 *   trackPublished: [RemoteTrack, Participant],
 *   trackUnpublished: [RemoteTrack, Participant],
 *   trackSubscribed: [RemoteTrack, Participant],
 *   trackUnsubscribed: [RemoteTrack, Participant],
 *   trackMuted: [import("./track.js").Track, Participant],
 *   mixChanged: [Mix | null],
 *   subscriptionFailed: [RemoteTrack | undefined, string, string],
 *   localTrackPublished: [LocalTrack],
 *   localTrackUnpublished: [LocalTrack],
 *   trackStateChanged: [ReceivedTrack, Participant | null],
 *   sourceSubscribed: [SourceTrack],
 *   sourceUnsubscribed: [SourceTrack],
 *   activeSpeakersChanged: [Participant[]],
 *   speakersChanged: [Participant | null, Participant[]],
 *   stats: [import("./sampler.js").Sample],
 *   connectionQualityChanged: [import("./network.js").ConnectionQuality],
 *   error: [ParleyError],
 *   closed: [string, string, ParleyError | undefined],
 * }>}
 */
export class Room extends Emitter {
  name = "";
  /** @type {any} */
  metadata = null;
  /** Ourselves, once joined. @type {Participant | null} */
  localParticipant = null;
  /** The room as one picture and one sound, when the server mixes it. @type {Mix | null} */
  mix = null;

  /** @type {Connection} */
  #connection;
  #isAutoSubscribing = true;
  #roster = new Roster();
  #arrivals;
  /** @type {Publications} */
  #publications;
  #speakers;
  #sampler;
  #judge = new NetworkJudge();
  #uplinkProbe = new UplinkProbe();
  /** @type {import("./stats.js").StatsSummary | null} */
  #lastStats = null;

  /** @param {RoomOptions} [options] */
  constructor(options = {}) {
    super();
    const connection = (this.#connection = new Connection(options, () => this.#publications.describe()));
    this.#arrivals = new Arrivals({
      transceiverOf: (mid) => connection.peer?.transceiverOf(mid),
      trackOf: (id) => this.#roster.trackById(id) ?? this.mix?.trackById(id),
      request: (method, params) => connection.request(method, params),
      canTell: () => connection.canTell,
      offerFirstSlot: (kind) => connection.offerFirstSlots(oneOf(kind)),
    });
    this.#publications = new Publications({
      audioCodec: options.audioCodec,
      videoCodec: options.videoCodec,
      mute: (params) => connection.request("mute", params),
      canTell: () => connection.canTell,
    });
    this.#speakers = new Speakers({
      participants: () => [...this.participants.values(), ...(this.localParticipant ? [this.localParticipant] : [])],
      movingTransceiverOf: (track) => this.#arrivals.transceiverThatCarries(track),
    });
    this.#sampler = new Sampler({
      connection: () => this.peerConnection,
      received: () => [...this.#roster.tracks, ...this.sourceTracks].filter(({ isSubscribed }) => isSubscribed),
      sent: () => this.localTracks,
      onSample: (sample) => this.#onSample(sample),
      periodMs: SAMPLE_INTERVAL_MS,
    });
    this.#followConnection();
    this.#forwardEvents();
  }

  /** @returns {ConnectionState} */
  get connectionState() {
    return this.#connection.state;
  }

  /** The others by id. @returns {ReadonlyMap<string, Participant>} */
  get participants() {
    return this.#roster.participants;
  }

  /** @returns {LocalTrack[]} */
  get localTracks() {
    return this.#publications.tracks;
  }

  /** The moving sources that were asked for with subscribeSource(), or `speakerAudio` gave. @returns {SourceTrack[]} */
  get sourceTracks() {
    return this.#arrivals.slots.sourceTracks;
  }

  /** Who leads the conversation: the last who spoke for a while. May be ourselves. */
  get dominantSpeaker() {
    return this.#speakers.dominant;
  }

  /** Who spoke last, the latest first, as far as the server tells. */
  get recentSpeakers() {
    return this.#speakers.recent;
  }

  /** How well the network carries the call, and what is wrong. */
  get connectionQuality() {
    return this.#judge.quality;
  }

  /** The connection, for statistics and tests. @returns {RTCPeerConnection | null} */
  get peerConnection() {
    return this.#connection.peer?.pc ?? null;
  }

  /**
   * Join a room.
   * @param {ConnectOptions} options
   * @returns {Promise<void>} resolves when joined; the media connection follows. Rejects with
   *   E_UNREACHABLE, E_TIMEOUT or the server's refusal; connect() may then be called again.
   */
  async connect({ url = defaultUrl(), tracks = [], ...params }) {
    const result = await this.#connection.join(url, params);
    this.#isAutoSubscribing = params.autoSubscribe !== false;
    for (const track of tracks) this.#hold(track);
    this.#onJoined(result);
    this.#connection.watchNetwork();
    this.#speakers.start();
    this.#sampler.start();
  }

  /**
   * Publish a track.
   * @param {LocalTrack | MediaStreamTrack | "audio" | "video" | "camera" | "microphone"} what
   * @param {{source?: import("./types.js").Source, name?: string} & import("./local_track.js").PublishOptions
   *   & devices.CaptureOptions} [options]
   * @returns {Promise<LocalTrack>} resolves when the server has accepted it
   */
  async publish(what, { source, name, simulcast, codec, maxBitrate, ...capture } = {}) {
    const publish = { simulcast, codec, maxBitrate };
    let track = what;
    if (typeof track === "string") {
      const kind = track === "audio" || track === "microphone" ? "audio" : "video";
      track = await devices.createLocalTrack(kind, { ...capture, publish });
    } else if (!(track instanceof LocalTrack)) {
      track = new LocalTrack(track, { source, name, publish });
    }
    return this.#hold(track);
  }

  /**
   * Stop sending a track and, unless told otherwise, give its device back.
   * @param {LocalTrack} track
   * @param {{stop?: boolean}} [options]
   */
  unpublish(track, { stop = true } = {}) {
    this.#publications.unpublish(track);
    if (stop) track.stop();
  }

  /**
   * Mute or unmute: a track of our own, or (administrators, mute only) anybody's.
   * @param {LocalTrack | RemoteTrack} track
   * @param {boolean} muted
   * @returns {Promise<void>} rejects with a capture error when a camera cannot be had again
   */
  async setMuted(track, muted) {
    if (!(track instanceof LocalTrack)) {
      await this.#connection.request("mute", { trackId: track.id, muted });
      return;
    }
    if (!muted && track.mutedBy === "server") {
      throw new ParleyError("E_DENIED", "The track was muted by a moderator.", { kind: track.kind });
    }
    await track.setMuted(muted);
    this.#emitLocalMuted(track);
    await this.#publications.tellMuted(track);
  }

  /**
   * Ask for a track: needed without autoSubscribe, or after unsubscribe().
   * @param {RemoteTrack} track
   */
  async subscribe(track) {
    const { mid } = await this.#connection.request("subscribe", { trackId: track.id });
    if (mid) this.#arrivals.slots.update([{ mid, kind: track.kind, trackId: track.id }]);
    else this.#connection.offerFirstSlots(oneOf(track.kind));
  }

  /** @param {RemoteTrack} track */
  async unsubscribe(track) {
    await this.#connection.request("unsubscribe", { trackId: track.id });
  }

  /** Have the room mixed; needs `roomAdmin`, as the next two. @param {object} [settings]  as docs/api.md says of startMix */
  async startMix(settings = {}) {
    await this.#connection.request("startMix", settings);
  }

  /** @param {object} settings  those that change */
  async updateMix(settings) {
    await this.#connection.request("updateMix", settings);
  }

  async stopMix() {
    await this.#connection.request("stopMix", {});
  }

  /**
   * Receive what the n-th of the recent speakers says or shows, whoever that is.
   * @param {string} source  "speaker:1" to "speaker:9"
   * @param {import("./types.js").Kind} kind
   * @returns {Promise<SourceTrack>} attach it once; who it is changes without a word from here
   */
  subscribeSource(source, kind) {
    return this.#arrivals.subscribeSource(source, kind);
  }

  /** @param {SourceTrack} track */
  unsubscribeSource(track) {
    return this.#arrivals.unsubscribeSource(track);
  }

  /**
   * Change our name or metadata.
   * @param {{name?: string, metadata?: any}} changes
   */
  async update(changes) {
    const { participant } = await this.#connection.request("update", changes);
    this.localParticipant?.update(participant);
    if (this.localParticipant) this.emit("participantUpdated", this.localParticipant);
  }

  /**
   * Capture from, or play on, another device.
   * @param {"audioinput" | "videoinput" | "audiooutput"} kind
   * @param {string} deviceId
   */
  async switchDevice(kind, deviceId) {
    if (kind !== "audiooutput") {
      const source = kind === "audioinput" ? "microphone" : "camera";
      await this.localTracks.find((track) => track.source === source)?.setDevice(deviceId);
      return;
    }
    for (const track of this.#roster.tracks.filter((track) => track.kind === "audio")) {
      for (const element of track.elements) await /** @type {any} */ (element).setSinkId?.(deviceId);
    }
  }

  /** @returns {Promise<import("./stats.js").StatsSummary>} */
  async getStats() {
    const report = await this.peerConnection?.getStats();
    this.#lastStats = summarise(report ? /** @type {any} */ (report).values() : [], this.#lastStats, performance.now());
    return this.#lastStats;
  }

  /**
   * How often `stats` comes, and the network is judged: every two seconds when not said otherwise.
   * @param {number} periodMs
   */
  setStatsPeriod(periodMs) {
    this.#sampler.setPeriod(periodMs);
  }

  /** What the server measures of us. @returns {Promise<any[]>} */
  async getServerStats() {
    return (await this.#connection.request("stats", {})).stats;
  }

  /** Find a path to the server anew; media continues meanwhile if it can. */
  restartIce() {
    this.#connection.restartIce();
  }

  /** Drop the signalling connection and resume, as after a broken network. */
  reconnect() {
    this.#connection.reconnect();
  }

  /** While reconnecting: try now. */
  retryNow() {
    this.#connection.retryNow();
  }

  /** Leave the room and give all devices back. */
  leave() {
    this.#connection.leave();
  }

  #followConnection() {
    const connection = this.#connection;
    connection.on("stateChanged", (state) => this.emit("connectionStateChanged", state));
    connection.on("notification", (method, params) => this.#onNotification(method, params));
    connection.on("rejoined", (result) => this.#onJoined(result));
    connection.on("resumed", (result) => this.#onResumed(result));
    connection.on("answered", (answer) => {
      this.#publications.onAnswered(answer);
      this.#arrivals.slots.update(answer.slots ?? []);
    });
    connection.on("refused", (error) => {
      this.#publications.onRefused(error);
      this.emit("error", error);
    });
    connection.on("closed", (reason, message, error) => this.#onClosed(reason, message, error));
  }

  #forwardEvents() {
    const [roster, arrivals] = [this.#roster, this.#arrivals];
    roster.on("participantJoined", (participant) => this.emit("participantJoined", participant));
    roster.on("participantLeft", (participant, reason) => this.emit("participantLeft", participant, reason));
    roster.on("participantUpdated", (participant) => this.emit("participantUpdated", participant));
    roster.on("trackMuted", (track, participant) => this.emit("trackMuted", track, participant));
    roster.on("trackPublished", (track, participant) => {
      this.emit("trackPublished", track, participant);
      arrivals.slots.reconcile();
    });
    roster.on("trackUnpublished", (track, participant) => {
      arrivals.slots.reconcile();
      this.emit("trackUnpublished", track, participant);
    });
    arrivals.on("trackSubscribed", (track, participant) => this.emit("trackSubscribed", track, participant));
    arrivals.on("trackUnsubscribed", (track, participant) => this.emit("trackUnsubscribed", track, participant));
    arrivals.on("sourceSubscribed", (track) => this.emit("sourceSubscribed", track));
    arrivals.on("sourceUnsubscribed", (track) => this.emit("sourceUnsubscribed", track));
    arrivals.on("trackStateChanged", (track, participant) => this.emit("trackStateChanged", track, participant));
    this.#speakers.on("activeChanged", (participants) => this.emit("activeSpeakersChanged", participants));
    this.#speakers.on("changed", (dominant, recent) => this.emit("speakersChanged", dominant, recent));
    this.#publications.on("error", (error) => this.emit("error", error));
    this.#publications.on("published", (track) => {
      this.#listLocalTracks();
      this.emit("localTrackPublished", track);
    });
    this.#publications.on("unpublished", (track) => {
      this.#listLocalTracks();
      this.emit("localTrackUnpublished", track);
    });
  }

  /** @param {import("./sampler.js").Sample} sample */
  #onSample(sample) {
    this.emit("stats", sample);
    if (this.#uplinkProbe.update(sample)) void this.#connection.peer?.probeUplink();
    if (this.#judge.update(sample, this.connectionState === "reconnecting")) this.emit("connectionQualityChanged", this.#judge.quality);
  }

  /**
   * Publish a track and follow its fate.
   * @param {LocalTrack} track
   */
  #hold(track) {
    const off = track.on("ended", () => this.#onLocalEnded(track));
    const published = this.#publications.publish(track);
    this.#listLocalTracks();
    published.catch((error) => {
      off();
      if (error.code !== "E_CANCELLED") this.emit("error", error);
    });
    return published;
  }

  /**
   * The browser ended the capture: a device was unplugged, or sharing stopped in the browser's own bar.
   * @param {LocalTrack} track
   */
  #onLocalEnded(track) {
    if (track.source === "screen" || track.source === "screenAudio") {
      for (const shared of this.localTracks.filter(({ source }) => source.startsWith("screen"))) this.unpublish(shared);
      return;
    }
    this.setMuted(track, true).catch(() => {});
    this.emit("error", new ParleyError("E_DEVICE_LOST", `The ${track.source} is gone.`, { kind: track.kind }));
  }

  #listLocalTracks() {
    if (!this.localParticipant) return;
    this.localParticipant.tracks = new Map(this.localTracks.map((track) => [track.id ?? `new ${track.source}`, track]));
  }

  /** @param {LocalTrack} track */
  #emitLocalMuted(track) {
    if (this.localParticipant) this.emit("trackMuted", track, this.localParticipant);
  }

  /** Joined, for the first time or afresh. @param {JoinResult} result */
  #onJoined(result) {
    const connection = this.#connection;
    connection.endMedia();
    this.#arrivals.clear();
    this.#speakers.forget();
    this.#judge.reset();
    this.#uplinkProbe.reset();
    this.#takeOver(result);
    this.#publications.setPeer(connection.beginMedia(result));
    if (this.#isAutoSubscribing) connection.addSlots(this.#countTracks());
    connection.negotiate();
    this.#arrivals.askAgain();
  }

  /** The session goes on. @param {JoinResult} result */
  #onResumed(result) {
    this.#takeOver(result);
    this.#publications.syncMuted(result.participant.tracks ?? []);
    this.#arrivals.resume(result.slots);
    if (this.#isAutoSubscribing) this.#connection.offerFirstSlots(this.#countTracks());
  }

  /** @param {JoinResult} result */
  #takeOver(result) {
    this.name = result.room.name;
    this.metadata = result.room.metadata ?? null;
    if (this.localParticipant) this.localParticipant.update(result.participant);
    else this.localParticipant = new Participant(result.participant, true);
    this.#listLocalTracks();
    this.emit("participantUpdated", this.localParticipant);
    this.#roster.set(result.participants);
    this.#setMix(result.room.mix ?? null);
    if (result.speakers) this.#speakers.onServer(result.speakers.dominant, result.speakers.recent);
  }

  /** @param {any} info  null: the room is not mixed */
  #setMix(info) {
    const before = this.mix;
    if (info && before?.isSame(info)) before.settings = info;
    else this.mix = info ? new Mix(info) : null;
    if (before || info) this.emit("mixChanged", this.mix);
    this.#arrivals.slots.reconcile();
  }

  /** What the others publish. @returns {[number, number]} audio, video */
  #countTracks() {
    const count = (/** @type {string} */ kind) => this.#roster.tracks.filter((track) => track.kind === kind).length;
    return [count("audio"), count("video")];
  }

  /**
   * @param {string} method
   * @param {any} params
   */
  #onNotification(method, params) {
    const roster = this.#roster;
    switch (method) {
      case "participantJoined":
        return roster.add(params.participant);
      case "participantLeft":
        return roster.remove(params.participantId, params.reason ?? "left");
      case "participantUpdated":
        return this.#onUpdated(params.participant);
      case "trackPublished":
        roster.addTrack(params.participantId, params.track);
        if (this.#isAutoSubscribing) this.#connection.offerFirstSlots(this.#countTracks());
        return;
      case "trackUnpublished":
        return roster.removeTrack(params.participantId, params.trackId);
      case "trackUpdated":
        return roster.updateTrack(params.participantId, params.track);
      case "trackMuted":
        return void this.#onMuted(params);
      case "slots":
        return this.#arrivals.slots.update(params.slots);
      case "slotStates":
        return this.#arrivals.slots.updateStates(params.slots);
      case "encodingsWanted":
        return this.#publications.onEncodingsWanted(params.trackId, params.encodings ?? []);
      case "speakers":
        return this.#speakers.onServer(params.dominant ?? null, params.recent ?? []);
      case "slotsWanted":
        this.#connection.addSlots([params.audio ?? 0, params.video ?? 0]);
        return this.#connection.negotiate();
      case "subscriptionFailed":
        return this.emit("subscriptionFailed", roster.trackById(params.trackId) ?? this.mix?.trackById(params.trackId), params.reason, params.message ?? "");
      case "mixChanged":
        return this.#setMix(params.mix);
    }
  }

  /** @param {import("./types.js").ParticipantInfo} info */
  #onUpdated(info) {
    if (!this.localParticipant || info.id !== this.localParticipant.id) return this.#roster.update(info);
    this.localParticipant.update(info);
    this.emit("participantUpdated", this.localParticipant);
  }

  /** @param {{participantId: string, trackId: string, muted: boolean, mutedBy: null | "publisher" | "server"}} params */
  async #onMuted({ participantId, trackId, muted, mutedBy }) {
    if (participantId !== this.localParticipant?.id) {
      this.#roster.setMuted(participantId, trackId, muted, mutedBy ?? null);
      return;
    }
    await this.#publications.onServerMuted(trackId, muted, mutedBy).catch((error) => this.emit("error", error));
    const track = this.localTracks.find(({ id }) => id === trackId);
    if (track) this.#emitLocalMuted(track);
  }

  /**
   * @param {string} reason
   * @param {string} message
   * @param {ParleyError} [error]
   */
  #onClosed(reason, message, error) {
    this.#speakers.stop();
    this.#sampler.stop();
    this.#arrivals.clear();
    this.#publications.end();
    this.emit("closed", reason, message, error);
  }
}

/** @param {import("./types.js").Kind} kind @returns {[number, number]} one slot: audio, video */
const oneOf = (kind) => (kind === "audio" ? [1, 0] : [0, 1]);

function defaultUrl() {
  const { protocol, host } = globalThis.location;
  return `${protocol === "https:" ? "wss" : "ws"}://${host}/ws`;
}
