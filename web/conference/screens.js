// SPDX-License-Identifier: Apache-2.0
//
// Which of the page's screens is shown: lobby, meeting or the one after the call.

import { byId } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {"lobby" | "joining" | "joined" | "reconnecting" | "left" | "error"} PageState */

/** @type {Record<PageState, {screen: string, heading: string}>} */
const SCREENS = {
  lobby: { screen: "lobby", heading: "lobby-title" },
  joining: { screen: "lobby", heading: "lobby-title" },
  joined: { screen: "meeting", heading: "room-name" },
  reconnecting: { screen: "meeting", heading: "room-name" },
  left: { screen: "ended", heading: "ended-title" },
  error: { screen: "ended", heading: "ended-title" },
};

let shown = "";

/** @param {PageState} state */
export function showState(state) {
  document.body.dataset.state = state;
  const { screen, heading } = SCREENS[state];
  if (screen === shown) return;
  const isFirst = shown === "";
  shown = screen;
  for (const part of document.querySelectorAll("[data-show]")) {
    const element = /** @type {HTMLElement} */ (part);
    element.hidden = element.dataset.show !== screen;
  }
  for (const dialog of document.querySelectorAll("dialog[open]")) /** @type {HTMLDialogElement} */ (dialog).close();
  if (isFirst) return;
  window.scrollTo(0, 0); // the lobby may have been scrolled
  byId(heading).focus();
}

/**
 * Show the page after a call, or after one that did not come about.
 * @param {"left" | "error"} state
 * @param {import("./messages.js").Message} message
 * @param {string} action  of the main button
 */
export function showEnded(state, { title, advice }, action) {
  byId("ended-icon").replaceChildren(icon(state === "left" ? "door" : "warning"));
  byId("ended-title").textContent = title;
  byId("ended-advice").textContent = advice;
  byId("rejoin").textContent = action;
  showState(state);
}
