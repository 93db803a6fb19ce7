// SPDX-License-Identifier: Apache-2.0

import { ReceivedTrack } from "./received_track.js";

/** @typedef {import("./remote_track.js").RemoteTrack} RemoteTrack */

/**
 * What the n-th of the recent speakers says, or shows: the server puts another track into its slot when another one speaks,
 * without negotiation. Attach it once.
 */
export class SourceTrack extends ReceivedTrack {
  /** The track that flows now; null: nobody has spoken yet. @type {RemoteTrack | null} */
  current = null;

  /**
   * @param {string} movingSource  "speaker:1" and on
   * @param {import("./types.js").Kind} kind
   */
  constructor(movingSource, kind) {
    super(kind, kind === "audio" ? "microphone" : "camera", movingSource);
    /** @readonly */
    this.movingSource = movingSource;
  }

  /** Whose it is now. */
  get participant() {
    return this.current?.participant ?? null;
  }

  /**
   * For the SDK.
   * @param {RemoteTrack | null} track
   */
  noteCurrent(track) {
    if (track === this.current) return;
    this.current = track;
    this.id = track?.id ?? null;
    this.emit("currentChanged", track);
  }
}
