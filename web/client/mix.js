// SPDX-License-Identifier: Apache-2.0
//
// The room mixed into one picture and one sound by the server: its settings, and its tracks, which may be subscribed to like those
// of a participant. Nobody receives them by himself.

import { Participant } from "./participant.js";
import { RemoteTrack } from "./remote_track.js";

export class Mix {
  /** Whose tracks they are; in no list of the room. @readonly */
  participant;
  /** As the server told, with what it makes of it at present (`actual`). @type {any} */
  settings;

  /** @param {any} info */
  constructor(info) {
    this.participant = new Participant({ id: info.participantId, identity: "mix", name: "Mix", tracks: [] });
    for (const track of info.tracks) this.participant.tracks.set(track.id, new RemoteTrack(track, this.participant));
    this.settings = info;
  }

  /** @returns {RemoteTrack[]} */
  get tracks() {
    return /** @type {RemoteTrack[]} */ ([...this.participant.tracks.values()]);
  }

  /** @param {string} id @returns {RemoteTrack | undefined} */
  trackById(id) {
    return /** @type {RemoteTrack | undefined} */ (this.participant.tracks.get(id));
  }

  /** Whether the server's words are about this one; another codec makes another mix. @param {any} info */
  isSame(info) {
    return info.tracks.every((/** @type {any} */ { id }) => this.participant.tracks.has(id));
  }
}
