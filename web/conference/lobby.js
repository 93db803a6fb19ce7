// SPDX-License-Identifier: Apache-2.0
//
// Before the call: see oneself, choose devices, name and room.

import { onDevicesChanged } from "../client/index.js";
import { paintAvatar } from "./avatar.js";
import { paintDeviceButton } from "./controls.js";
import { DeviceForm } from "./device_form.js";
import { byId, setData } from "./dom.js";
import { LevelMeter } from "./level_meter.js";
import { describeCaptureError } from "./messages.js";
import { makeNotice } from "./notices.js";

/** @typedef {import("./local_media.js").LocalMedia} LocalMedia */
/** @typedef {import("../client/errors.js").ParleyError} ParleyError */

export class Lobby {
  #media;
  #devices;
  #meter = new LevelMeter(byId("meter"));
  #form;
  #video = /** @type {HTMLVideoElement} */ (byId("preview-video"));
  #room = /** @type {HTMLInputElement} */ (byId("room"));
  #name = /** @type {HTMLInputElement} */ (byId("name"));
  /** @type {[HTMLInputElement, string, string][]} what is asked for, where its error goes, and which */
  #fields = [
    [this.#room, "room-error", "Give the room a name."],
    [this.#name, "name-error", "Tell the others who you are."],
  ];
  #isOpen = false;
  /** @type {MediaStreamTrack | null} */
  #measured = null;
  /** @type {import("../client/track.js").Track | null} */
  #shown = null;

  /**
   * @param {object} options
   * @param {LocalMedia} options.media
   * @param {import("./settings.js").DeviceChoice} options.devices
   * @param {(role: import("./device_form.js").DeviceRole, deviceId: string) => void} options.onChooseDevice
   * @param {(room: string, name: string) => void} options.onJoin
   */
  constructor({ media, devices, onChooseDevice, onJoin }) {
    this.#media = media;
    this.#devices = devices;
    this.#form = new DeviceForm(byId("lobby-devices"), onChooseDevice);
    byId("lobby-mic").addEventListener("click", () => media.toggle("audio"));
    byId("lobby-camera").addEventListener("click", () => media.toggle("video"));
    this.#name.addEventListener("input", () => this.#paintAvatar());
    for (const [input, errorId] of this.#fields) input.addEventListener("input", () => showFieldError(input, errorId, ""));
    byId("join-form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#validate()) onJoin(this.room, this.name);
    });
    media.on("changed", () => this.#update());
    media.on("error", (error) => this.#isOpen && this.#showErrors([error]));
    onDevicesChanged(() => this.#isOpen && this.#listDevices());
    this.#video.addEventListener("loadeddata", () => setData(byId("preview"), "hasVideo", true));
  }

  get room() {
    return this.#room.value.trim();
  }

  get name() {
    return this.#name.value.trim();
  }

  /**
   * @param {string} room
   * @param {string} name
   */
  fill(room, name) {
    this.#room.value = room;
    this.#name.value = name;
    this.#paintAvatar();
  }

  /**
   * Show it and capture what is wanted.
   * @param {{audio: boolean, video: boolean}} wanted
   */
  async open(wanted) {
    this.#isOpen = true;
    this.setBusy(false);
    this.#update();
    byId("lobby-notices").replaceChildren();
    if (wanted.audio || wanted.video) this.#showErrors(await this.#media.start(wanted));
    await this.#listDevices();
  }

  close() {
    this.#isOpen = false;
    this.#measured = null;
    this.#meter.close();
    this.#shown?.detach(this.#video);
    this.#shown = null;
  }

  /** Put the cursor where something is missing. */
  focusMissing() {
    const missing = [this.#room, this.#name].find((input) => !input.value.trim());
    missing?.focus();
  }

  /** @param {boolean} isJoining */
  setBusy(isJoining) {
    const button = /** @type {HTMLButtonElement} */ (byId("join"));
    button.disabled = isJoining;
    button.textContent = isJoining ? "Joining…" : "Join";
  }

  #validate() {
    for (const [input, errorId, text] of this.#fields) showFieldError(input, errorId, input.value.trim() ? "" : text);
    this.focusMissing();
    return this.#fields.every(([input]) => input.value.trim());
  }

  #paintAvatar() {
    paintAvatar(byId("preview-avatar"), this.name || "?");
  }

  #update() {
    if (!this.#isOpen) return;
    paintDeviceButton(byId("lobby-mic"), "audio", this.#media);
    paintDeviceButton(byId("lobby-camera"), "video", this.#media);
    const camera = this.#media.trackOf("video");
    if (camera !== this.#shown) {
      this.#shown?.detach(this.#video);
      this.#shown = camera;
      camera?.attach(this.#video);
    }
    if (!this.#media.isOn("video")) setData(byId("preview"), "hasVideo", false);
    byId("preview-hint").textContent = this.#media.isBusy("video") ? "Starting the camera…" : "Camera is off";
    const microphone = this.#media.isOn("audio") ? (this.#media.trackOf("audio")?.mediaStreamTrack ?? null) : null;
    if (microphone !== this.#measured) {
      this.#measured = microphone;
      this.#meter.measure(microphone);
    }
    if (this.#media.isOn("audio")) this.#clearErrors("audio");
    if (this.#media.isOn("video")) this.#clearErrors("video");
  }

  async #listDevices() {
    await this.#form.refresh(devicesInUse(this.#media, this.#devices));
  }

  /** @param {ParleyError[]} errors */
  #showErrors(errors) {
    const isOneCause = errors.length === 2 && errors[0].code === errors[1].code;
    if (isOneCause) this.#showError(errors[0].code, "both", { audio: true, video: true });
    else for (const { code, kind } of errors) this.#showError(code, kind ?? "video", { audio: kind === "audio", video: kind !== "audio" });
  }

  /**
   * @param {string} code
   * @param {string} kind  "audio", "video" or "both"
   * @param {{audio: boolean, video: boolean}} wanted
   */
  #showError(code, kind, wanted) {
    this.#clearErrors(kind);
    const retry = { label: "Try again", run: () => this.open(wanted) };
    const notice = makeNotice(describeCaptureError({ code, kind }, "join without"), code === "E_INSECURE_CONTEXT" ? undefined : retry);
    notice.dataset.kind = kind;
    notice.dataset.code = code;
    byId("lobby-notices").append(notice);
  }

  /** @param {string} kind */
  #clearErrors(kind) {
    for (const notice of byId("lobby-notices").querySelectorAll(`[data-kind="${kind}"], [data-kind="both"]`)) notice.remove();
  }
}

/**
 * @param {HTMLInputElement} input
 * @param {string} errorId
 * @param {string} text  empty when all is well
 */
function showFieldError(input, errorId, text) {
  byId(errorId).textContent = text;
  input.setAttribute("aria-invalid", String(text !== ""));
}

/**
 * @param {LocalMedia} media
 * @param {import("./settings.js").DeviceChoice} devices
 */
export function devicesInUse(media, devices) {
  const idOf = (/** @type {"audio" | "video"} */ kind) => media.trackOf(kind)?.mediaStreamTrack?.getSettings().deviceId;
  return {
    camera: idOf("video") ?? devices.camera,
    microphone: idOf("audio") ?? devices.microphone,
    speaker: devices.speaker,
  };
}
