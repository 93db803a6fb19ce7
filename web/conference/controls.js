// SPDX-License-Identifier: Apache-2.0
//
// Buttons that show a state, keyboard shortcuts, and dialogs.

import { byId, setData } from "./dom.js";
import { icon } from "./icons.js";

/**
 * @typedef {object} ButtonLook
 * @property {string} icon
 * @property {string} label
 * @property {string} [key]     its shortcut
 * @property {boolean} [isOff]  shown as switched off
 * @property {boolean} [isOn]   shown as going on
 * @property {boolean} [isBusy]
 */

/**
 * @param {HTMLElement} button
 * @param {ButtonLook} look
 */
export function paintButton(button, { icon: name, label, key, isOff = false, isOn = false, isBusy = false }) {
  setData(button, "off", isOff);
  setData(button, "on", isOn);
  button.setAttribute("aria-busy", String(isBusy));
  button.setAttribute("aria-label", label);
  button.title = key ? `${label} (${key})` : label;
  if (key) button.setAttribute("aria-keyshortcuts", key);
  if (button.dataset.painted === name) return;
  button.dataset.painted = name;
  button.replaceChildren(icon(name));
}

/**
 * Paint a microphone or camera button.
 * @param {HTMLElement} button
 * @param {"audio" | "video"} kind
 * @param {import("./local_media.js").LocalMedia} media
 */
export function paintDeviceButton(button, kind, media) {
  const isOn = media.isOn(kind);
  const name = kind === "audio" ? "mic" : "camera";
  const thing = kind === "audio" ? "microphone" : "camera";
  paintButton(button, {
    icon: isOn ? name : `${name}-off`,
    label: isOn ? `Turn ${thing} off` : `Turn ${thing} on`,
    key: kind === "audio" ? "M" : "V",
    isOff: !isOn,
    isBusy: media.isBusy(kind),
  });
}

/**
 * Run actions on single keys, unless something is being typed or a dialog is open.
 * @param {Record<string, () => void>} actions  by lower-case key
 */
export function watchShortcuts(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const target = event.target;
    if (target instanceof Element && target.closest("input, select, textarea, dialog")) return;
    const action = actions[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

/**
 * Open a dialog; the browser keeps the focus inside and returns it afterwards.
 * @param {string} id
 */
export function openDialog(id) {
  const dialog = /** @type {HTMLDialogElement} */ (byId(id));
  if (!dialog.open) dialog.showModal();
}

/** Close dialogs by their close button and by a click beside them. */
export function watchDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => {
      const target = /** @type {Element} */ (event.target);
      if (target === dialog || target.closest("[data-close]")) dialog.close();
    });
  }
}
