// SPDX-License-Identifier: Apache-2.0

import { Track } from "./track.js";

/** @typedef {import("./types.js").TrackInfo} TrackInfo */

/** A track that another participant publishes. It has media while it is bound to a slot. */
export class RemoteTrack extends Track {
  /**
   * @param {TrackInfo} info
   * @param {import("./participant.js").Participant} participant
   */
  constructor(info, participant) {
    super(info.kind, info.source, info.name ?? "");
    this.id = info.id;
    this.muted = info.muted;
    this.mutedBy = info.mutedBy ?? null;
    /** @readonly */
    this.participant = participant;
    /** @type {string | null} */
    this.codec = info.codec ?? null;
    this.simulcast = info.simulcast ?? false;
    /** The transceiver it arrives on. @type {RTCRtpTransceiver | null} */
    this.transceiver = null;
  }

  /** Whether the server sends it to us. */
  get isSubscribed() {
    return this.transceiver !== null;
  }

  /**
   * For the SDK: bind to the transceiver of a slot, or unbind with null.
   * @param {RTCRtpTransceiver | null} transceiver
   */
  bind(transceiver) {
    this.transceiver = transceiver;
    this.setMedia(transceiver?.receiver.track ?? null);
  }
}
