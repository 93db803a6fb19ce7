// SPDX-License-Identifier: Apache-2.0
//
// Errors in words: what happened, and what to do next.

/** @typedef {{title: string, advice: string}} Message */

/** What there is to do without it, as "join without"; "" in a call. @type {Record<string, (thing: string, instead: string) => Message>} */
const CAPTURE = {
  E_PERMISSION_DENIED: (thing, instead) => ({
    title: `No access to the ${thing}`,
    advice: `Allow the ${thing} for this page (the icon beside the address), then try again.${instead && ` You can also ${instead}.`}`,
  }),
  E_DEVICE_NOT_FOUND: (thing, instead) => ({
    title: `No ${thing} found`,
    advice: `Plug one in and try again${instead && `, or ${instead}`}.`,
  }),
  E_DEVICE_BUSY: (thing) => ({
    title: `The ${thing} cannot be started`,
    advice: "Another program or tab may be using it: close that, then try again.",
  }),
  E_DEVICE_LOST: (thing) => ({
    title: `The ${thing} was disconnected`,
    advice: `Plug it in again or choose another one under Devices, then switch it back on.`,
  }),
  E_INSECURE_CONTEXT: () => ({
    title: "No camera or microphone on this page",
    advice: "Browsers allow them only over https:// or on localhost. Open the page with https://.",
  }),
  E_CAPTURE: (thing) => ({ title: `The ${thing} cannot be used`, advice: "Try again, or choose another device." }),
};

/** @type {Record<string, Message>} */
const SCREEN = {
  E_PERMISSION_DENIED: {
    title: "Screen sharing is blocked",
    advice: "Allow your browser to record the screen in the privacy settings of your system, then try again.",
  },
  E_UNSUPPORTED: { title: "This browser cannot share a screen", advice: "Use a desktop browser to share." },
};

const NOT_ALLOWED = {
  title: "You may not enter this room",
  advice: "Your link may have expired or be for another room. Ask whoever invited you for a new one.",
};
const BAD_NAME = { title: "The server does not take this room or name", advice: "Use a shorter name without special characters." };

/** @type {Record<string, Message>} */
const JOIN = {
  E_UNREACHABLE: {
    title: "The server cannot be reached",
    advice: "Check that you are online, then try again. If it goes on, the server may be down.",
  },
  E_TIMEOUT: { title: "The server does not answer", advice: "Wait a moment, then try again." },
  E_SIGNAL_LOST: { title: "The connection broke while joining", advice: "Check your network, then try again." },
  E_LIMIT: { title: "The room is full", advice: "Wait until somebody leaves and try again, or agree on another room." },
  E_STATE: { title: "The server is going down", advice: "Wait a minute, then try again." },
  E_DENIED: NOT_ALLOWED,
  E_AUTH: NOT_ALLOWED,
  E_NOT_FOUND: { title: "There is no such room", advice: "Check the room name in your link." },
  E_MALFORMED: BAD_NAME,
  E_INVALID: BAD_NAME,
};

/** @type {Record<string, Message>} */
const CLOSED = {
  left: { title: "You left the room", advice: "Come back whenever you like." },
  removed: { title: "You were removed from the room", advice: "If this was a mistake, ask the host before you come back." },
  replaced: {
    title: "You joined from somewhere else",
    advice: "The call goes on in your other window or device. Rejoin to move it back here.",
  },
  resumed: { title: "The call went on in another window", advice: "Rejoin to take part from here." },
  roomDeleted: { title: "The room was closed", advice: "The host ended the meeting for everybody." },
  shutdown: { title: "The server is going down", advice: "Wait a minute, then rejoin." },
  timeout: { title: "The connection was lost", advice: "Check your network, then rejoin." },
  unreachable: {
    title: "The server did not come back",
    advice: "We kept trying for a while. Check that you are online, then rejoin.",
  },
};

/** @type {Record<string, string>} */
const THINGS = { audio: "microphone", video: "camera", both: "camera and microphone", screen: "screen" };

/**
 * @param {{code?: string, kind?: string, message?: string}} error
 * @param {string} [instead]  what else there is to do here: "join without"
 * @returns {Message}
 */
export function describeCaptureError(error, instead = "") {
  const thing = THINGS[error.kind ?? ""] ?? "device";
  if (error.kind === "screen" && SCREEN[error.code ?? ""]) return SCREEN[error.code ?? ""];
  if (error.code === "E_DENIED") {
    return { title: "You were muted by a moderator", advice: "Ask them to let you speak again." };
  }
  return (CAPTURE[error.code ?? ""] ?? CAPTURE.E_CAPTURE)(thing, instead);
}

/**
 * @param {{code?: string, message?: string}} error  of a join
 * @returns {Message}
 */
export function describeJoinError(error) {
  const known = JOIN[error.code ?? ""];
  if (known) return known;
  return { title: "Joining did not work", advice: error.message || "Try again in a moment." };
}

/**
 * @param {string} reason
 * @param {{code?: string, message?: string}} [error]
 * @returns {Message}
 */
export function describeClosed(reason, error) {
  if (reason === "refused" && error) return describeJoinError(error);
  return CLOSED[reason] ?? { title: "The call ended", advice: "You can rejoin." };
}

/**
 * What goes wrong during a call.
 * @param {{code?: string, kind?: string, message?: string}} error
 * @returns {Message}
 */
export function describeCallError(error) {
  if (error.kind) return describeCaptureError(error);
  if (error.code === "E_DENIED") return { title: "You may not share this here", advice: "Ask the host for permission." };
  if (error.code === "E_LIMIT") return { title: "The server is at its limit", advice: "Some of what is shared cannot be shown." };
  return { title: "Something did not work", advice: error.message ?? "Try again." };
}
