// SPDX-License-Identifier: Apache-2.0
//
// The room mixed into one stream: who administrates the room has a panel to start, change, look at and stop it; everybody else a
// sign that it is so. The panel is beside the stage, or on a phone over it.

import { byId, setData } from "./dom.js";
import { icon } from "./icons.js";
import { MixForm } from "./mix_form.js";
import { MixPreview } from "./mix_preview.js";
import { FIRST_CHOICE, describeActual, describeMixError, watchLink } from "./mix_words.js";
import { announce, makeNotice } from "./notices.js";

/** @typedef {import("../client/room.js").Room} Room */
/** @typedef {import("./mix_words.js").MixChoice} MixChoice */

/** As in mix.css: below, there is no room beside the stage. */
const NARROW = matchMedia("(max-width: 720px)");
const COPIED_MS = 2500;

export class MixPanel {
  #dialog = /** @type {HTMLDialogElement} */ (byId("mix-panel"));
  #opener = byId("mix");
  #sign = byId("mix-sign");
  #form;
  #preview = new MixPreview();
  /** @type {Room | null} */
  #room = null;
  /** Of the next mix; while there is one, as it is. @type {MixChoice} */
  #choice = { ...FIRST_CHOICE };
  #isBusy = false;
  #wasMixed = false;
  #needsToken;

  /** @param {{needsToken: boolean}} options  viewers need an access token, as who is here did */
  constructor({ needsToken }) {
    this.#needsToken = needsToken;
    this.#form = new MixForm(byId("mix-settings"), this.#choice, (changes) => this.#change(changes));
    this.#opener.addEventListener("click", () => this.toggle());
    byId("mix-start").addEventListener("click", () => this.#start());
    byId("mix-stop").addEventListener("click", () => this.#stop());
    byId("mix-copy").addEventListener("click", () => this.#copyLink());
    this.#dialog.addEventListener("close", () => this.#onClosed());
    // The browser closes only modal dialogs by this key.
    this.#dialog.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !(event.target instanceof HTMLSelectElement)) this.#dialog.close();
    });
    NARROW.addEventListener("change", () => this.#dialog.open && this.#show());
  }

  /** @param {Room} room  before it connects */
  watch(room) {
    this.#room = room;
    this.#wasMixed = false;
    this.#choice = { ...FIRST_CHOICE };
    room.on("mixChanged", () => this.update());
    room.on("connectionStateChanged", () => this.update());
    room.on("participantUpdated", (participant) => participant.isLocal && this.update());
  }

  /** The call is over. */
  clear() {
    this.#preview.hide();
    this.#dialog.close();
    this.#room = null;
    this.#opener.hidden = this.#sign.hidden = true;
  }

  /** Open the panel, or close it. */
  toggle() {
    if (this.#dialog.open) return this.#dialog.close();
    if (this.#room && !this.#opener.hidden) this.#show();
  }

  /** Something about the mix or about us may have changed. */
  update() {
    const room = this.#room;
    if (!room?.localParticipant) return;
    const isAdmin = room.localParticipant.permissions?.admin === true;
    const isMixed = room.mix !== null;
    this.#opener.hidden = !isAdmin;
    this.#sign.hidden = isAdmin || !isMixed;
    if (!isAdmin) this.#dialog.close();
    this.#announce(isMixed);
    this.#paintOpener(isMixed);
    if (room.mix) this.#choice = pickChoice(room.mix.settings);
    if (this.#dialog.open) this.#paint();
  }

  /** @param {boolean} isMixed */
  #announce(isMixed) {
    if (isMixed === this.#wasMixed) return;
    this.#wasMixed = isMixed;
    announce(isMixed ? "The room is mixed into one stream." : "The room is no longer mixed.");
    if (isMixed) this.#say(null);
  }

  /** @param {boolean} isMixed */
  #paintOpener(isMixed) {
    const label = isMixed ? "Mix of the room: it is on" : "Mix of the room";
    setData(this.#opener, "on", isMixed);
    this.#opener.setAttribute("aria-label", label);
    this.#opener.title = `${label} (X)`;
    byId("mix-word").textContent = isMixed ? "Mixed" : "Mix";
  }

  #show() {
    if (this.#dialog.open) this.#dialog.close(); // it is told of later, and is open then
    if (NARROW.matches) this.#dialog.showModal();
    else this.#dialog.show();
    this.#opener.setAttribute("aria-expanded", "true");
    this.#say(null);
    this.#paint();
    byId("mix-title").focus();
  }

  #onClosed() {
    if (this.#dialog.open) return;
    this.#opener.setAttribute("aria-expanded", "false");
    this.#preview.hide();
    if (this.#room && this.#dialog.contains(document.activeElement)) this.#opener.focus();
  }

  #paint() {
    const room = this.#room;
    if (!room) return;
    const { mix } = room;
    const isConnected = room.connectionState === "connected";
    setData(this.#dialog, "on", mix !== null);
    this.#form.show(this.#choice);
    byId("mix-start").hidden = mix !== null;
    byId("mix-running").hidden = byId("mix-share").hidden = mix === null;
    for (const id of ["mix-start", "mix-stop"]) {
      const button = /** @type {HTMLButtonElement} */ (byId(id));
      button.disabled = this.#isBusy || !isConnected;
    }
    if (mix) {
      const { isLowered, text } = describeActual(mix.settings);
      byId("mix-actual").textContent = isLowered ? "" : text;
      byId("mix-lowered").hidden = !isLowered;
      byId("mix-lowered-text").textContent = isLowered ? text : "";
      /** @type {HTMLInputElement} */ (byId("mix-link")).value = this.#link();
      /** @type {HTMLAnchorElement} */ (byId("mix-open")).href = this.#link();
      byId("mix-token").hidden = !this.#needsToken;
      byId("mix-custom").hidden = mix.settings.layout !== "custom";
    }
    if (mix && isConnected) this.#preview.show(room);
    else if (!mix) this.#preview.hide();
  }

  /** @param {Partial<MixChoice>} changes */
  #change(changes) {
    this.#choice = { ...this.#choice, ...changes };
    this.#form.show(this.#choice);
    if (this.#room?.mix) void this.#ask((room) => room.updateMix(changes));
  }

  #start() {
    return this.#ask((room) => room.startMix(this.#choice));
  }

  #stop() {
    return this.#ask((room) => room.stopMix());
  }

  /**
   * Ask the server; what comes of it is told by its notification, a refusal stands in the panel.
   * @param {(room: Room) => Promise<void>} what
   */
  async #ask(what) {
    const room = this.#room;
    if (!room) return;
    this.#isBusy = true;
    this.#say(null);
    this.#paint();
    try {
      await what(room);
    } catch (/** @type {any} */ error) {
      if (room === this.#room) this.#say(error);
    } finally {
      this.#isBusy = false;
      if (room === this.#room) this.update();
    }
  }

  /** @param {{code?: string, message?: string} | null} error  null: none any more */
  #say(error) {
    byId("mix-notices").replaceChildren(...(error ? [makeNotice(describeMixError(error))] : []));
  }

  #link() {
    return watchLink(location.origin, this.#room?.name ?? "");
  }

  async #copyLink() {
    try {
      await navigator.clipboard.writeText(this.#link());
      this.#showCopied(true);
      setTimeout(() => this.#showCopied(false), COPIED_MS);
    } catch {
      /** @type {HTMLInputElement} */ (byId("mix-link")).select(); // no clipboard on pages without https
    }
  }

  /** @param {boolean} isCopied */
  #showCopied(isCopied) {
    byId("mix-copied").textContent = isCopied ? "Link copied." : "";
    byId("mix-copy").replaceChildren(icon(isCopied ? "check" : "link"));
  }
}

/** @param {any} settings @returns {MixChoice} */
function pickChoice({ layout, width, height, fps, bitrate, labels, loudest }) {
  return { layout, width, height, fps, bitrate, labels, loudest };
}
