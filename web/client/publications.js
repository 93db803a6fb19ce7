// SPDX-License-Identifier: Apache-2.0
//
// Our own tracks on their way to the server: a sending transceiver each, described in the next
// offer, known by the id of its answer; offered again on a new connection; and their mute states
// kept equal on both sides.

import { canScale } from "./codecs.js";
import { chooseEncodings, degradationOf } from "./encodings.js";
import { Emitter } from "./emitter.js";
import { ParleyError, isConnectionError } from "./errors.js";
import { SenderControl } from "./sender_control.js";

/** @typedef {import("./local_track.js").LocalTrack} LocalTrack */
/** @typedef {import("./peer.js").Peer} Peer */
/** @typedef {import("./types.js").OfferResult} OfferResult */
/** @typedef {import("./types.js").TrackInfo} TrackInfo */

/** Of wishes for tracks that are not known yet. */
const MAX_EARLY = 16;

/**
 * @typedef {object} Publication
 * @property {LocalTrack} track
 * @property {(track: LocalTrack) => void} resolve
 * @property {(error: ParleyError) => void} reject
 * @property {boolean} isOffered       in the offer that is in flight
 * @property {boolean} toldMuted       mute state the server knows
 * @property {SenderControl | null} control  of its sender
 * @property {string} shape            what its section is good for; the same shape can reuse it
 */

/**
 * @typedef {object} PublicationOptions
 * @property {(params: {trackId: string, muted: boolean}) => Promise<any>} mute
 * @property {() => boolean} canTell  whether the session is open; otherwise a resume tells the server
 * @property {string} [audioCodec]
 * @property {string} [videoCodec]
 */

/** @extends {Emitter<{published: [LocalTrack], unpublished: [LocalTrack], error: [ParleyError]}>} */
export class Publications extends Emitter {
  #options;
  /** @type {Peer | null} */
  #peer = null;
  /** @type {Map<LocalTrack, Publication>} */
  #all = new Map();
  /** Wishes for tracks whose id is not known yet: an answer may be slower. @type {Map<string, import("./sender_control.js").EncodingWish[]>} */
  #early = new Map();
  /** Sections no longer in use, for the next track of the same shape. @type {{shape: string, transceiver: RTCRtpTransceiver}[]} */
  #idle = [];
  /** Tracks of one stream are played in sync: camera with microphone, screen with its sound. */
  #streams = new Map();

  /** @param {PublicationOptions} options */
  constructor(options) {
    super();
    this.#options = options;
  }

  /** @returns {LocalTrack[]} */
  get tracks() {
    return [...this.#all.keys()];
  }

  /**
   * Use this connection from now on, and put everything published so far on it.
   * @param {Peer} peer
   */
  setPeer(peer) {
    this.#peer = peer;
    this.#idle = [];
    this.#early.clear();
    for (const publication of this.#all.values()) {
      publication.track.id = null;
      publication.isOffered = false;
      publication.control?.close();
      this.#addTransceiver(publication);
    }
  }

  /**
   * The server tells which encodings of a track anybody wants: the others rest.
   * @param {string} trackId
   * @param {import("./sender_control.js").EncodingWish[]} encodings
   */
  onEncodingsWanted(trackId, encodings) {
    const publication = [...this.#all.values()].find(({ track }) => track.id === trackId);
    if (publication) void publication.control?.want(encodings);
    else if (this.#early.size < MAX_EARLY) this.#early.set(trackId, encodings);
  }

  /**
   * @param {LocalTrack} track
   * @returns {Promise<LocalTrack>} resolves when the server has accepted it
   */
  publish(track) {
    if (this.#all.has(track)) return Promise.resolve(track);
    return new Promise((resolve, reject) => {
      const publication = { track, resolve, reject, isOffered: false, toldMuted: track.muted, control: null, shape: "" };
      this.#all.set(track, publication);
      this.#addTransceiver(publication);
      this.#peer?.negotiate().catch(() => {}); // the outcome comes through onAnswered or onRefused
    });
  }

  /** @param {LocalTrack} track */
  unpublish(track) {
    const publication = this.#all.get(track);
    if (!publication) return;
    this.#drop(publication);
    publication.reject(new ParleyError("E_CANCELLED", "The track was unpublished."));
    this.#peer?.negotiate().catch(() => {});
    this.emit("unpublished", track);
  }

  /** The session has ended: give everything up; the connection is closed already. */
  end() {
    this.#peer = null;
    for (const track of this.tracks) {
      this.unpublish(track);
      track.stop();
    }
  }

  /** What the next offer says about the sections we send on. */
  describe() {
    /** @type {Record<string, {source: string, name?: string, muted: boolean}>} */
    const tracks = {};
    for (const publication of this.#all.values()) {
      const { track } = publication;
      const mid = track.transceiver?.mid;
      publication.isOffered = mid != null;
      if (mid == null) continue;
      publication.toldMuted = track.muted;
      tracks[mid] = { source: track.source, muted: track.muted, ...(track.name && { name: track.name }) };
    }
    return tracks;
  }

  /** @param {OfferResult} result */
  onAnswered(result) {
    const idByMid = new Map((result.tracks ?? []).map(({ mid, id }) => [mid, id]));
    for (const publication of [...this.#all.values()]) {
      const { track } = publication;
      if (!publication.isOffered) continue;
      const id = idByMid.get(track.transceiver?.mid ?? "");
      if (id) this.#accept(publication, id);
      else if (!track.id) this.#refuse(publication, new ParleyError("E_DENIED", `The server does not take this ${track.source} track.`));
    }
  }

  /**
   * The server refused an offer: what was new in it is given up.
   * @param {ParleyError} error
   */
  onRefused(error) {
    for (const publication of [...this.#all.values()]) {
      if (publication.isOffered && !publication.track.id) this.#refuse(publication, error);
    }
  }

  /**
   * Tell the server a changed mute state.
   * @param {LocalTrack} track
   */
  async tellMuted(track) {
    const publication = this.#all.get(track);
    if (!publication || !track.id || publication.toldMuted === track.muted || !this.#options.canTell()) return;
    const muted = (publication.toldMuted = track.muted);
    try {
      await this.#options.mute({ trackId: track.id, muted });
    } catch (error) {
      publication.toldMuted = !muted;
      if (!isConnectionError(error)) throw error; // after a resume syncMuted() makes up for it
    }
  }

  /**
   * The server's view of our tracks after a resume.
   * @param {TrackInfo[]} infos
   */
  syncMuted(infos) {
    for (const publication of this.#all.values()) {
      const info = infos.find(({ id }) => id === publication.track.id);
      if (!info) continue;
      publication.toldMuted = info.muted;
      this.tellMuted(publication.track).catch((error) => this.emit("error", error));
    }
  }

  /**
   * The server muted (or no longer mutes) a track of ours.
   * @param {string} trackId
   * @param {boolean} muted
   * @param {null | "publisher" | "server"} mutedBy
   */
  async onServerMuted(trackId, muted, mutedBy) {
    const publication = [...this.#all.values()].find(({ track }) => track.id === trackId);
    if (!publication || (mutedBy !== "server" && publication.track.mutedBy !== "server")) return;
    const { track } = publication;
    publication.toldMuted = muted;
    if (muted) {
      await track.setMuted(true, "server");
      track.noteMuted(true, "server");
    } else {
      track.noteMuted(true, "publisher"); // lifted: to speak again is the user's own choice
      await this.tellMuted(track);
    }
  }

  /** @param {Publication} publication */
  #addTransceiver(publication) {
    if (!this.#peer) return;
    const { track } = publication;
    const { simulcast, maxBitrate, codec = this.#codecOf(track.kind) } = track.publishOptions;
    const encodings =
      track.kind === "video"
        ? chooseEncodings({ ...track.size, source: track.source, simulcast, maxBitrate, videoCodec: codec, canScale })
        : undefined;
    publication.shape = JSON.stringify([track.source, codec, encodings]);
    const reusable = this.#idle.findIndex(({ shape }) => shape === publication.shape);
    if (reusable >= 0) {
      const [{ transceiver }] = this.#idle.splice(reusable, 1);
      transceiver.direction = "sendonly";
      void transceiver.sender.replaceTrack(track.mediaStreamTrack);
      track.transceiver = transceiver;
    } else {
      const stream = this.#streamOf(track.source);
      track.transceiver = this.#peer.addSender(track.mediaStreamTrack ?? track.kind, { encodings, stream, codec });
    }
    if (track.kind !== "video") return;
    publication.control = new SenderControl(track.transceiver.sender, { degradationPreference: degradationOf(track.source) });
    void (reusable >= 0 ? publication.control.wantAll() : publication.control.apply());
  }

  /** @param {string} kind */
  #codecOf(kind) {
    return kind === "audio" ? this.#options.audioCodec : this.#options.videoCodec;
  }

  /** @param {string} source */
  #streamOf(source) {
    const group = source.startsWith("screen") ? "screen" : "camera";
    if (!this.#streams.has(group)) this.#streams.set(group, new MediaStream());
    return this.#streams.get(group);
  }

  /**
   * @param {Publication} publication
   * @param {string} id
   */
  #accept(publication, id) {
    const { track, control } = publication;
    void control?.apply();
    if (track.id === id) return;
    track.id = id;
    const early = this.#early.get(id);
    this.#early.delete(id);
    if (early) void control?.want(early);
    publication.resolve(track);
    this.emit("published", track);
    this.tellMuted(track).catch((error) => this.emit("error", error));
  }

  /**
   * @param {Publication} publication
   * @param {ParleyError} error
   */
  #refuse(publication, error) {
    this.#drop(publication);
    publication.reject(error);
    this.emit("unpublished", publication.track);
  }

  /** @param {Publication} publication */
  #drop({ track, control, shape }) {
    control?.close();
    this.#all.delete(track);
    const { transceiver } = track;
    track.transceiver = null;
    track.id = null;
    if (!transceiver || !this.#peer) return;
    // A browser forgets all encodings but the first when a section rests: one with several is given up, and its place in the
    // description used again. The first section has to stay, for it carries the connection of all.
    const hasLayers = (transceiver.sender.getParameters?.().encodings?.length ?? 0) > 1;
    if (hasLayers && transceiver !== this.#peer.pc.getTransceivers()[0]) return transceiver.stop();
    transceiver.direction = "inactive";
    void transceiver.sender.replaceTrack(null);
    if (!hasLayers) this.#idle.push({ shape, transceiver });
  }
}
