// SPDX-License-Identifier: Apache-2.0
//
// Who else is in the room and what they publish, kept from the join answer, the notifications and,
// after a broken connection, a fresh snapshot of which only the differences are told.

import { Emitter } from "./emitter.js";
import { Participant } from "./participant.js";
import { RemoteTrack } from "./remote_track.js";

/** @typedef {import("./types.js").ParticipantInfo} ParticipantInfo */
/** @typedef {import("./types.js").TrackInfo} TrackInfo */

/**
 * @extends {Emitter<{
 *   participantJoined: [Participant],
 *   participantLeft: [Participant, string],
 *   participantUpdated: [Participant],
 *   trackPublished: [RemoteTrack, Participant],
 *   trackUnpublished: [RemoteTrack, Participant],
 *   trackMuted: [RemoteTrack, Participant],
 * }>}
 */
export class Roster extends Emitter {
  /** The others by id. @type {Map<string, Participant>} */
  participants = new Map();

  /**
   * @param {string} trackId
   * @returns {RemoteTrack | undefined}
   */
  trackById(trackId) {
    for (const participant of this.participants.values()) {
      const track = participant.tracks.get(trackId);
      if (track) return /** @type {RemoteTrack} */ (track);
    }
    return undefined;
  }

  /** @returns {RemoteTrack[]} */
  get tracks() {
    return [...this.participants.values()].flatMap(
      (participant) => /** @type {RemoteTrack[]} */ ([...participant.tracks.values()]),
    );
  }

  /**
   * Become what the server says; tells what differs.
   * @param {ParticipantInfo[]} infos
   */
  set(infos) {
    const present = new Set(infos.map((info) => info.id));
    for (const id of [...this.participants.keys()]) if (!present.has(id)) this.remove(id, "left");
    for (const info of infos) {
      if (this.participants.has(info.id)) this.#reconcile(info);
      else this.add(info);
    }
  }

  /** @param {ParticipantInfo} info */
  add(info) {
    if (this.participants.has(info.id)) return this.#reconcile(info);
    const participant = new Participant(info);
    this.participants.set(info.id, participant);
    this.emit("participantJoined", participant);
    for (const track of info.tracks ?? []) this.addTrack(info.id, track);
  }

  /**
   * @param {string} id
   * @param {string} reason
   */
  remove(id, reason) {
    const participant = this.participants.get(id);
    if (!participant) return;
    for (const trackId of [...participant.tracks.keys()]) this.removeTrack(id, trackId);
    this.participants.delete(id);
    this.emit("participantLeft", participant, reason);
  }

  /** @param {ParticipantInfo} info */
  update(info) {
    const participant = this.participants.get(info.id);
    if (!participant) return;
    participant.update(info);
    this.emit("participantUpdated", participant);
  }

  /**
   * @param {string} participantId
   * @param {TrackInfo} info
   */
  addTrack(participantId, info) {
    const participant = this.participants.get(participantId);
    if (!participant) return;
    if (participant.tracks.has(info.id)) {
      this.updateTrack(participantId, info);
      this.setMuted(participantId, info.id, info.muted, info.mutedBy ?? null);
      return;
    }
    const track = new RemoteTrack(info, participant);
    participant.tracks.set(info.id, track);
    this.emit("trackPublished", track, participant);
  }

  /**
   * What became of it since it was published: its codec is known once media arrives.
   * @param {string} participantId
   * @param {TrackInfo} info
   */
  updateTrack(participantId, info) {
    const track = /** @type {RemoteTrack | undefined} */ (this.participants.get(participantId)?.tracks.get(info.id));
    if (track) track.codec = info.codec ?? null;
  }

  /**
   * @param {string} participantId
   * @param {string} trackId
   */
  removeTrack(participantId, trackId) {
    const participant = this.participants.get(participantId);
    const track = participant?.tracks.get(trackId);
    if (!participant || !track) return;
    participant.tracks.delete(trackId);
    this.emit("trackUnpublished", /** @type {RemoteTrack} */ (track), participant);
  }

  /**
   * @param {string} participantId
   * @param {string} trackId
   * @param {boolean} muted
   * @param {null | "publisher" | "server"} mutedBy
   */
  setMuted(participantId, trackId, muted, mutedBy) {
    const participant = this.participants.get(participantId);
    const track = participant?.tracks.get(trackId);
    if (!participant || !track || (track.muted === muted && track.mutedBy === mutedBy)) return;
    track.noteMuted(muted, mutedBy);
    this.emit("trackMuted", /** @type {RemoteTrack} */ (track), participant);
  }

  /** @param {ParticipantInfo} info */
  #reconcile(info) {
    const participant = /** @type {Participant} */ (this.participants.get(info.id));
    const published = new Set(info.tracks.map((track) => track.id));
    for (const id of [...participant.tracks.keys()]) if (!published.has(id)) this.removeTrack(info.id, id);
    for (const track of info.tracks) this.addTrack(info.id, track);
    this.update(info);
  }
}
