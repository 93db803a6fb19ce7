// SPDX-License-Identifier: Apache-2.0

/** @typedef {import("./types.js").ParticipantInfo} ParticipantInfo */
/** @typedef {import("./track.js").Track} Track */

/** A member of the room: somebody else, or ourselves. */
export class Participant {
  /** Published tracks by id; one of ours that the server has yet to accept under its source. @type {Map<string, Track>} */
  tracks = new Map();
  /** Loudness now, 0 to 1. */
  audioLevel = 0;
  isSpeaking = false;

  /**
   * @param {ParticipantInfo} info
   * @param {boolean} [isLocal]
   */
  constructor(info, isLocal = false) {
    /** Ours changes when the session has to be joined afresh. */
    this.id = info.id;
    this.identity = info.identity;
    /** @readonly */
    this.isLocal = isLocal;
    this.name = "";
    /** @type {any} */
    this.metadata = null;
    /** @type {import("./types.js").Permissions | null} */
    this.permissions = null;
    this.joinedAt = info.joinedAt ?? 0;
    this.update(info);
  }

  /** @param {Partial<ParticipantInfo>} info */
  update(info) {
    this.id = info.id ?? this.id;
    this.identity = info.identity ?? this.identity;
    this.name = info.name || this.name || this.identity;
    this.metadata = info.metadata ?? null;
    this.permissions = info.permissions ?? this.permissions;
  }

  /**
   * @param {import("./types.js").Source} source
   * @returns {Track | undefined}
   */
  trackOf(source) {
    return [...this.tracks.values()].find((track) => track.source === source);
  }
}
