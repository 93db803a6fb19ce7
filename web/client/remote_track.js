// SPDX-License-Identifier: Apache-2.0

import { ReceivedTrack } from "./received_track.js";

/** @typedef {import("./types.js").TrackInfo} TrackInfo */

/** A track that another participant publishes. It has media while it is bound to a slot. */
export class RemoteTrack extends ReceivedTrack {
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
  }
}
