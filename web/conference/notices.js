// SPDX-License-Identifier: Apache-2.0
//
// Short messages: toasts over the page, notices inside it, and words for screen readers only.

import { byId, make } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("./messages.js").Message} Message */

const TOAST_MS = 9000;
const INFO_MS = 3500;

/**
 * A message with what to do next, and maybe a button that does it.
 * @param {Message} message
 * @param {{label: string, run: () => void}} [action]
 * @returns {HTMLElement}
 */
export function makeNotice({ title, advice }, action) {
  const text = make("div", { class: "message" }, [make("strong", { text: title }), make("span", { text: advice })]);
  const notice = make("div", { class: "notice" }, [text]);
  notice.prepend(icon("warning"));
  if (action) {
    const button = make("button", { class: "button small", text: action.label, attributes: { type: "button" } });
    button.addEventListener("click", action.run);
    notice.append(button);
  }
  return notice;
}

/**
 * Show a problem for a while.
 * @param {Message} message
 */
export function toastProblem(message) {
  const toast = makeNotice(message);
  toast.className = "toast";
  toast.setAttribute("role", "alert");
  const close = make("button", { class: "button ghost small", attributes: { type: "button", "aria-label": "Dismiss" } });
  close.append(icon("close"));
  close.addEventListener("click", () => toast.remove());
  toast.append(close);
  byId("toasts").append(toast);
  setTimeout(() => toast.remove(), TOAST_MS);
}

/**
 * Say that something was done.
 * @param {string} text
 */
export function toastInfo(text) {
  const toast = make("div", { class: "toast info", text, attributes: { role: "status" } });
  toast.prepend(icon("check"));
  byId("toasts").append(toast);
  setTimeout(() => toast.remove(), INFO_MS);
}

/**
 * Put a link where it can be pasted.
 * @param {string} link
 * @param {string} done  what to say then
 */
export async function copyLink(link, done) {
  try {
    await navigator.clipboard.writeText(link);
    toastInfo(done);
  } catch {
    prompt("Copy this link:", link); // no clipboard on pages without https
  }
}

/**
 * Tell those who listen to the page.
 * @param {string} text
 */
export function announce(text) {
  const line = make("p", { text });
  byId("announcer").append(line);
  setTimeout(() => line.remove(), TOAST_MS);
}
