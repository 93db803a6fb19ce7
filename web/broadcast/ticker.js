// SPDX-License-Identifier: Apache-2.0
//
// A worker that says when the next picture is due.

/** @type {any} */
let timer = null;

self.onmessage = ({ data: periodMs }) => {
  clearInterval(timer);
  timer = setInterval(() => self.postMessage(null), periodMs);
};
