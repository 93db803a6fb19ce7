// SPDX-License-Identifier: Apache-2.0
//
// The page's icons: strokes on a 24 by 24 grid.

const SVG = "http://www.w3.org/2000/svg";
const MIC = "M12 3.500a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0v-5a3 3 0 0 1 3-3z M5.5 11a6.5 6.5 0 0 0 13 0 M12 17.500V21";
const CAMERA = "M4.5 6.500h9a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2h-9a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2z M15.5 10.500l6-3v9l-6-3";
const SPEAKER = "M4 9.500v5h3.500L12 18.500v-13L7.5 9.500z M15.5 9a4.2 4.2 0 0 1 0 6 M18 6.500a8 8 0 0 1 0 11";
const STRIKE = " M3.5 3.500l17 17";

/** @type {Record<string, string>} */
const PATHS = {
  mic: MIC,
  "mic-off": MIC + STRIKE,
  camera: CAMERA,
  "camera-off": CAMERA + STRIKE,
  screen: "M4.5 4.500h15a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-15a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2z M8 20h8 M12 13.500V8 M9.5 10L12 7.500l2.5 2.5",
  inset: "M4.5 4.500h15a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2h-15a2 2 0 0 1-2-2v-11a2 2 0 0 1 2-2z M12.500 12h6v4.500h-6z",
  settings: "M4 7h9 M17 7h3 M4 17h3 M11 17h9 M15 4.800a2.2 2.2 0 1 1 0 4.400a2.2 2.2 0 0 1 0-4.400z M9 14.800a2.2 2.2 0 1 1 0 4.400a2.2 2.2 0 0 1 0-4.400z",
  leave: "M3.2 14.600c-.7-1.1-.7-2.5.2-3.500c4.6-4.6 12.6-4.6 17.2 0c.9 1 .9 2.4.2 3.500l-.5.800a1 1 0 0 1-1.2.4l-3-1.100a1 1 0 0 1-.7-.9v-1.700c-2.2-.8-4.6-.8-6.8 0v1.700a1 1 0 0 1-.7.9l-3 1.100a1 1 0 0 1-1.2-.4z",
  people: "M9 11a3.5 3.5 0 1 0 0-7a3.5 3.5 0 0 0 0 7z M2.5 19.500c.5-3.5 3-5.5 6.5-5.500s6 2 6.5 5.5 M16 4.300a3.5 3.5 0 0 1 0 6.5 M18 14.500c2 .8 3.2 2.5 3.5 5",
  link: "M10 14a4.5 4.5 0 0 0 6.5 0l3-3a4.6 4.6 0 0 0-6.5-6.500l-1.3 1.3 M14 10a4.5 4.5 0 0 0-6.5 0l-3 3a4.6 4.6 0 0 0 6.5 6.500l1.3-1.3",
  help: "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18z M9.3 9.500a2.7 2.7 0 1 1 4 2.400c-.9.5-1.3 1-1.3 2 M12 17v.01",
  close: "M6 6l12 12 M18 6L6 18",
  check: "M5 12.500l4.5 4.500L19 7.5",
  speaker: SPEAKER,
  "speaker-off": SPEAKER + STRIKE,
  view: "M5 4.500h14a1.500 1.500 0 0 1 1.500 1.500v12a1.500 1.500 0 0 1-1.500 1.500H5a1.500 1.500 0 0 1-1.500-1.500V6A1.500 1.500 0 0 1 5 4.500z M15 4.500v15 M15 9.500h5.500 M15 14.500h5.500",
  pin: "M9 3.500h6 M10 3.500v5.500l-3.200 3.500v2h10.400v-2L14 9V3.500 M12 14.500v6",
  mix: "M3.5 5.500h3.500c4.500 0 4 6.500 8.500 6.500h5 M3.5 18.500h3.500c4.500 0 4-6.500 8.500-6.500 M3.5 12h9 M17.5 9l3 3l-3 3",
  more: "M5 12v.01 M12 12v.01 M19 12v.01",
  "cut-off": "M2.500 9.200a14 14 0 0 1 19 0 M6 12.800a9 9 0 0 1 12 0 M9.300 16.300a4.500 4.500 0 0 1 5.400 0 M12 19.800v.01" + STRIKE,
  fullscreen: "M4 9V5a1 1 0 0 1 1-1h4 M15 4h4a1 1 0 0 1 1 1v4 M20 15v4a1 1 0 0 1-1 1h-4 M9 20H5a1 1 0 0 1-1-1v-4",
  stats: "M5 20v-6 M10 20V9 M15 20v-8 M20 20V4",
  live: "M12 10.500a1.500 1.500 0 1 1 0 3a1.500 1.500 0 0 1 0-3z M8 16a5.6 5.6 0 0 1 0-8 M16 8a5.6 5.6 0 0 1 0 8 M5.200 18.800a9.6 9.600 0 0 1 0-13.600 M18.800 5.200a9.6 9.600 0 0 1 0 13.6",
  stop: "M8 6h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2z",
  warning: "M12 4l9 15.500H3z M12 10v4.5 M12 17v.01",
  door: "M13.5 4.500h-7a1 1 0 0 0-1 1v13a1 1 0 0 0 1 1h7 M11 12h9.5 M17.5 9l3 3l-3 3",
};

/**
 * @param {string} name
 * @returns {SVGElement} hidden from screen readers: the control carries the words
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name] ?? "");
  svg.append(path);
  return svg;
}

/** Fill in the icons that the page's markup asks for with data-icon. */
export function fillIcons() {
  for (const place of document.querySelectorAll("[data-icon]")) {
    place.replaceChildren(icon(/** @type {HTMLElement} */ (place).dataset.icon ?? ""));
  }
}
