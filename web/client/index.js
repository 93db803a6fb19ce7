// SPDX-License-Identifier: Apache-2.0
//
// The public names of the client SDK.

export { Room } from "./room.js";
export { Mix } from "./mix.js";
export { Participant } from "./participant.js";
export { LocalTrack } from "./local_track.js";
export { RemoteTrack } from "./remote_track.js";
export { SourceTrack } from "./source_track.js";
export { WhepClient } from "./whep.js";
export { WhipClient } from "./whip.js";
export { chooseEncodings } from "./encodings.js";
export { canScale, sendableCodecs } from "./codecs.js";
export { ParleyError } from "./errors.js";
export {
  canCapture,
  canChooseSpeaker,
  canShareScreen,
  createLocalTrack,
  createLocalTracks,
  createScreenTracks,
  listDevices,
  onDevicesChanged,
} from "./devices.js";
