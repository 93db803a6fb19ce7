// SPDX-License-Identifier: Apache-2.0
//
// The values that travel between client and server, as JSDoc types. No code.

/** @typedef {"audio" | "video"} Kind */
/** @typedef {"camera" | "microphone" | "screen" | "screenAudio" | "mix" | "unknown"} Source */

/**
 * @typedef {object} TrackInfo
 * @property {string} id
 * @property {Kind} kind
 * @property {Source} source
 * @property {string} [name]
 * @property {boolean} muted
 * @property {null | "publisher" | "server"} [mutedBy]
 * @property {string | null} [codec]
 * @property {boolean} [simulcast]
 * @property {string | null} [mid]  the publisher's own m-section
 */

/**
 * @typedef {object} Permissions
 * @property {boolean} publish
 * @property {boolean} subscribe
 * @property {string[]} [publishSources]
 * @property {boolean} [hidden]
 * @property {boolean} [admin]
 */

/**
 * @typedef {object} ParticipantInfo
 * @property {string} id
 * @property {string} identity
 * @property {string} [name]
 * @property {any} [metadata]
 * @property {number} [joinedAt]  ms since the epoch
 * @property {Permissions} [permissions]
 * @property {TrackInfo[]} tracks
 */

/**
 * An m-section of this client on which the server sends; what flows through it may change without
 * renegotiation.
 * @typedef {object} SlotInfo
 * @property {string} mid
 * @property {Kind} kind
 * @property {string | null} trackId
 * @property {string | null} [participantId]
 * @property {string | null} [source]  "speaker:1" and on when the server moves it; trackId tells what flows now
 */

/**
 * Layers count from the smallest, 0.
 * @typedef {object} LayerState
 * @property {number | null} spatial         size that flows
 * @property {number | null} temporal        frame rate that flows
 * @property {number | null} targetSpatial   aimed at
 * @property {number | null} targetTemporal
 * @property {number | null} width           of what flows
 * @property {number | null} height
 */

/**
 * How the server serves a video slot.
 * @typedef {{mid: string, state: "active" | "paused", reason: "none" | "bandwidth" | "notWanted" | "muted" | "notSent"}
 *   & Partial<LayerState>} SlotState
 */

/**
 * @typedef {object} JoinResult
 * @property {{name: string, metadata?: any, mix?: any}} room  mix: as docs/api.md says, null without
 * @property {ParticipantInfo} participant
 * @property {ParticipantInfo[]} participants
 * @property {string} sessionId
 * @property {string} resumeToken
 * @property {number} graceMs
 * @property {RTCIceServer[]} iceServers
 * @property {{maxSlots: number}} [limits]
 * @property {{dominant: string | null, recent: string[]}} [speakers]  from a server that tells who speaks
 * @property {SlotInfo[]} [slots]         after resume only
 * @property {string} [transportState]    after resume only
 */

/**
 * @typedef {object} OfferResult
 * @property {string} sdp
 * @property {{mid: string, id: string}[]} [tracks]
 * @property {SlotInfo[]} [slots]
 */

/**
 * @typedef {object} JoinParams
 * @property {string} room
 * @property {string} [identity]
 * @property {string} [name]
 * @property {any} [metadata]
 * @property {string} [token]
 * @property {boolean} [autoSubscribe]
 * @property {number} [lastN]         video of at most so many: screens first, then who spoke last
 * @property {number} [speakerAudio]  sound through so many slots that follow who speaks, instead of one a microphone
 */

export {};
