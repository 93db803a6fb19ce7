// SPDX-License-Identifier: Apache-2.0
//
// How large a media element is shown, and whether anybody can see it: one that is scrolled away, has no size, or is on a page in
// the background cannot be seen, except in a picture-in-picture window.

/** @typedef {import("./layer_wish.js").View} View */
/** @typedef {{view: () => View, stop: () => void}} ElementWatch */

/**
 * @param {HTMLMediaElement} element
 * @param {() => void} onChange
 * @returns {ElementWatch}
 */
export function watchElement(element, onChange) {
  let isOnScreen = true;
  const sizes = new ResizeObserver(onChange);
  const places = new IntersectionObserver((entries) => {
    isOnScreen = entries[entries.length - 1].isIntersecting;
    onChange();
  });
  sizes.observe(element);
  places.observe(element);
  const pictureEvents = ["enterpictureinpicture", "leavepictureinpicture"];
  for (const type of pictureEvents) element.addEventListener(type, onChange);
  document.addEventListener("visibilitychange", onChange);
  return {
    view() {
      const isApart = document.pictureInPictureElement === element;
      const isSeen = element.isConnected && isOnScreen && document.visibilityState !== "hidden";
      return { width: element.clientWidth, height: element.clientHeight, isVisible: isApart || isSeen };
    },
    stop() {
      sizes.disconnect();
      places.disconnect();
      for (const type of pictureEvents) element.removeEventListener(type, onChange);
      document.removeEventListener("visibilitychange", onChange);
    },
  };
}
