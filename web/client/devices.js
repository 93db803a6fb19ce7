// SPDX-License-Identifier: Apache-2.0
//
// Cameras, microphones, speakers and screens: what there is, and capturing it as local tracks.
// Every failure is a ParleyError with a code that says what to do about it.

import { ParleyError, fromCaptureError } from "./errors.js";
import { LocalTrack } from "./local_track.js";

/**
 * @typedef {object} CaptureOptions
 * @property {string} [deviceId]   wanted; another one is taken when it is gone
 * @property {number} [width]
 * @property {number} [height]
 * @property {number} [frameRate]
 * @property {import("./local_track.js").PublishOptions} [publish]
 */

const DEFAULT_CAMERA = { width: 1280, height: 720, frameRate: 30 };
/** Sharp rather than smooth; a larger screen is made smaller: its encoder would take a whole processor, and few could watch it. */
const DEFAULT_SCREEN = { width: 1920, height: 1200, frameRate: 15 };

/** Whether this page may capture at all: browsers allow it on https and on localhost only. */
export function canCapture() {
  return Boolean(globalThis.navigator?.mediaDevices?.getUserMedia);
}

export function canShareScreen() {
  return Boolean(globalThis.navigator?.mediaDevices?.getDisplayMedia);
}

export function canChooseSpeaker() {
  return "setSinkId" in (globalThis.HTMLMediaElement?.prototype ?? {});
}

/**
 * The devices there are. Names are empty until the user has allowed a capture.
 * @returns {Promise<{cameras: MediaDeviceInfo[], microphones: MediaDeviceInfo[], speakers: MediaDeviceInfo[]}>}
 */
export async function listDevices() {
  const devices = (await globalThis.navigator?.mediaDevices?.enumerateDevices?.()) ?? [];
  const of = (/** @type {string} */ kind) => devices.filter((d) => d.kind === kind && d.deviceId);
  return { cameras: of("videoinput"), microphones: of("audioinput"), speakers: of("audiooutput") };
}

/**
 * @param {() => void} handler
 * @returns {() => void} takes it off again
 */
export function onDevicesChanged(handler) {
  const devices = globalThis.navigator?.mediaDevices;
  devices?.addEventListener?.("devicechange", handler);
  return () => devices?.removeEventListener?.("devicechange", handler);
}

/**
 * Capture a camera or a microphone.
 * @param {"audio" | "video"} kind
 * @param {CaptureOptions} [options]
 * @returns {Promise<LocalTrack>}
 */
export async function createLocalTrack(kind, options = {}) {
  return asLocalTrack(await capture(kind, options), options);
}

/**
 * Capture microphone and camera with one question to the user; when one of them cannot be had, the
 * other one alone.
 * @param {{audio?: CaptureOptions | boolean, video?: CaptureOptions | boolean}} wanted
 * @returns {Promise<{tracks: LocalTrack[], errors: ParleyError[]}>}
 */
export async function createLocalTracks({ audio = true, video = true }) {
  const kinds = /** @type {("audio" | "video")[]} */ (["audio", "video"]).filter((kind) => ({ audio, video })[kind]);
  const optionsOf = (/** @type {"audio" | "video"} */ kind) => {
    const wanted = { audio, video }[kind];
    return typeof wanted === "object" ? wanted : {};
  };
  if (kinds.length === 2) {
    try {
      const stream = await getUserMedia({
        audio: constraintsOf("audio", optionsOf("audio")),
        video: constraintsOf("video", optionsOf("video")),
      });
      const tracks = stream.getTracks();
      return { tracks: tracks.map((track) => asLocalTrack(track, optionsOf(/** @type {any} */ (track.kind)))), errors: [] };
    } catch {
      // one of the two, then; each says what is wrong with it
    }
  }
  /** @type {LocalTrack[]} */
  const tracks = [];
  /** @type {ParleyError[]} */
  const errors = [];
  for (const kind of kinds) {
    try {
      tracks.push(await createLocalTrack(kind, optionsOf(kind)));
    } catch (error) {
      errors.push(/** @type {ParleyError} */ (error));
    }
  }
  return { tracks, errors };
}

/**
 * Let the user choose a screen, window or tab.
 * @param {{audio?: boolean, frameRate?: number, publish?: import("./local_track.js").PublishOptions}} [options]
 * @returns {Promise<LocalTrack[]>} the picture, then its sound if the browser gives it;
 *   E_CANCELLED when the user does not choose
 */
export async function createScreenTracks({ audio = true, frameRate = DEFAULT_SCREEN.frameRate, publish } = {}) {
  if (!canShareScreen()) {
    throw new ParleyError("E_UNSUPPORTED", "This browser cannot share a screen.", { kind: "screen" });
  }
  try {
    const { width, height } = DEFAULT_SCREEN;
    const video = { width: { max: width }, height: { max: height }, frameRate: { max: frameRate } };
    const stream = await navigator.mediaDevices.getDisplayMedia({ video, audio });
    return [...stream.getVideoTracks(), ...stream.getAudioTracks()].map(
      (track) => new LocalTrack(track, { source: track.kind === "video" ? "screen" : "screenAudio", publish }),
    );
  } catch (error) {
    throw fromCaptureError(error, "screen");
  }
}

/**
 * @param {MediaStreamTrack} track
 * @param {CaptureOptions} options
 */
function asLocalTrack(track, options) {
  const kind = /** @type {"audio" | "video"} */ (track.kind);
  return new LocalTrack(track, {
    publish: options.publish,
    reacquire: (deviceId) => capture(kind, deviceId ? { ...options, deviceId } : options, Boolean(deviceId)),
  });
}

/**
 * @param {"audio" | "video"} kind
 * @param {CaptureOptions} options
 * @param {boolean} [isExact]  that device or none
 * @returns {Promise<MediaStreamTrack>}
 */
async function capture(kind, options, isExact = false) {
  try {
    const stream = await getUserMedia({ [kind]: constraintsOf(kind, options, isExact) });
    return stream.getTracks()[0];
  } catch (error) {
    throw fromCaptureError(error, kind);
  }
}

/** @param {MediaStreamConstraints} constraints */
function getUserMedia(constraints) {
  if (!canCapture()) {
    throw new ParleyError("E_INSECURE_CONTEXT", "Capturing needs a page from https:// or http://localhost.", {
      kind: constraints.video ? "video" : "audio",
    });
  }
  return navigator.mediaDevices.getUserMedia(constraints);
}

/**
 * @param {"audio" | "video"} kind
 * @param {CaptureOptions} options
 * @param {boolean} [isExact]
 * @returns {MediaTrackConstraints}
 */
function constraintsOf(kind, { deviceId, width, height, frameRate }, isExact = false) {
  const device = deviceId ? { deviceId: isExact ? { exact: deviceId } : { ideal: deviceId } } : {};
  if (kind === "audio") {
    return { ...device, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  }
  return {
    ...device,
    width: { ideal: width ?? (height ? Math.round((height * 16) / 9) : DEFAULT_CAMERA.width) },
    height: { ideal: height ?? DEFAULT_CAMERA.height },
    frameRate: { ideal: frameRate ?? DEFAULT_CAMERA.frameRate },
  };
}
