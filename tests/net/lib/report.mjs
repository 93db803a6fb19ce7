// SPDX-License-Identifier: Apache-2.0
//
// All runs on one page that needs nothing else: the table, and for each run what happened over time.

import fs from "node:fs";
import { chart, escape } from "./chart.mjs";
import { FREEZE_MS, freezes, growth, round } from "./series.mjs";
import { COLUMNS, mostly } from "./table.mjs";

/** @typedef {import("./run_profile.mjs").Run} Run */
/** @typedef {import("./chart.mjs").Line} Line */

const COLORS = ["#2563eb", "#0d9488", "#c2410c"];
const PUBLISHER = "#737373";
const LINK = "#dc2626";
const FREEZE = "rgba(220, 38, 38, 0.16)";
const BIN_MS = 1000;
const ESTIMATE_TOP_KBPS = 5000;
const UNIT = /** @type {Record<string, number>} */ ({ k: 1e3, M: 1e6, G: 1e9, "": 1 });

const STYLE = `
  :root { color-scheme: light dark; font: 14px/1.45 system-ui, sans-serif; }
  body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  h2 { margin: 2.5rem 0 0; } p { margin: 0.3rem 0; }
  table { border-collapse: collapse; margin: 0.8rem 0; font-variant-numeric: tabular-nums; }
  .wide { overflow-x: auto; }
  th, td { padding: 0.2rem 0.6rem; text-align: right; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
  th:first-child, td:first-child, td.text { text-align: left; }
  .pass { color: #15803d; } .fail { color: #dc2626; font-weight: 600; } .note { color: #b45309; }
  svg { display: block; width: 100%; margin: 0.5rem 0; } svg text { font-size: 10.5px; fill: currentColor; }
  svg text.title { font-weight: 600; }
  .grid { stroke: currentColor; opacity: 0.15; } line.mark { stroke: currentColor; opacity: 0.5; stroke-dasharray: 2 3; } text.mark { opacity: 0.75; }
`;

/** @param {Run["verdicts"][number]} verdict */
const verdictItem = ({ ok, text, value }) => `<li class="${ok ? "pass" : "fail"}">${ok ? "reached" : "missed"}: ${escape(text)} (${escape(value)})</li>`;

/** @param {Run[]} runs */
function overview(runs) {
  const rows = runs.flatMap((run) => Object.entries(run.figures).map(([viewer, figures], i) => {
    const missed = run.verdicts.filter(({ ok }) => !ok).length;
    const name = Object.keys(run.figures).length > 1 ? `${run.profile}, ${viewer}` : run.profile;
    const verdict = i > 0 || run.verdicts.length === 0 ? "" : missed === 0 ? '<span class="pass">pass</span>' : `<span class="fail">${missed} of ${run.verdicts.length} missed</span>`;
    return `<tr><td><a href="#${escape(run.profile)}">${escape(name)}</a></td>${COLUMNS.map(([, value]) => `<td>${escape(String(value(figures)))}</td>`).join("")}<td class="text">${verdict}</td></tr>`;
  }));
  return `<div class="wide"><table><tr><th>profile</th>${COLUMNS.map(([name]) => `<th>${name}</th>`).join("")}<th>aims</th></tr>${rows.join("")}</table></div>`;
}

/**
 * A counter's growth in every second.
 * @param {import("./series.mjs").Sample[]} samples @param {string} key @param {number} lengthMs @param {number} factor
 * @returns {[number, number][]}
 */
function perSecond(samples, key, lengthMs, factor) {
  const points = /** @type {[number, number][]} */ ([]);
  for (let at = BIN_MS / 2; at + BIN_MS / 2 <= lengthMs; at += BIN_MS / 4) {
    points.push([at, growth(samples, key, at - BIN_MS / 2, at + BIN_MS / 2) * factor * (1000 / BIN_MS)]);
  }
  return points;
}

/**
 * The rate of a lane as the phases set it, in kb/s; where it is too large to matter nothing.
 * @param {Run} run @param {string} link @param {string} direction
 * @returns {[number, number | null][]}
 */
function rateOf(run, link, direction) {
  /** @type {[number, number | null][]} */
  const points = [];
  /** @type {number | null} */
  let rate = null;
  for (const { fromMs, toMs, links } of run.phases) {
    for (const [name, text] of Object.entries(links)) {
      const [, digits, unit] = (name === link || name === `${link}.${direction}` ? text.match(/rate=([\d.]+)([kMG]?)/) : null) ?? [];
      if (digits) rate = (Number(digits) * UNIT[unit]) / 1000;
    }
    points.push([fromMs, rate !== null && rate < 50_000 ? rate : null], [toMs, rate !== null && rate < 50_000 ? rate : null]);
  }
  return points;
}

/** @param {Run} run */
function charts(run) {
  const lengthMs = run.seconds * 1000;
  const viewers = Object.entries(run.viewers);
  const colorOf = (/** @type {number} */ i) => COLORS[i % COLORS.length];
  const inside = (/** @type {{atMs: number}[]} */ rows) => rows.filter(({ atMs }) => atMs >= 0 && atMs <= lengthMs);
  const marks = run.phases.length > 1 || viewers.length > 1 ? run.phases.map(({ fromMs, name }) => ({ atMs: fromMs, text: name })) : [];
  const bands = viewers.flatMap(([, { frames }]) => freezes(frames, 0, lengthMs).map((gap) => ({ ...gap, color: FREEZE })));
  const common = { lengthMs, marks };
  const top = run.published.layers[run.published.layers.length - 1]?.rid;
  const encoded = run.publisher.samples.map(({ atMs, layers }) => ({ atMs, frames: layers.find((/** @type {any} */ layer) => layer.rid === top)?.frames ?? 0 }));
  const sentBytes = run.publisher.samples.map(({ atMs, layers }) => ({ atMs, bytes: layers.reduce((/** @type {number} */ sum, /** @type {any} */ layer) => sum + layer.bytes, 0) }));
  const byViewer = (/** @type {(viewer: import("./run_profile.mjs").Viewer, name: string) => [number, number | null][]} */ points, options = {}) =>
    viewers.map(([name, viewer], i) => ({ label: name, color: colorOf(i), points: points(viewer, name), ...options }));
  const limited = viewers.filter(([name]) => rateOf(run, name, "down").some(([, value]) => value !== null)).map(([name]) => name);
  const uplink = rateOf(run, "publisher", "up");
  return [
    chart({ ...common, title: "frames a second (red: no new frame for over 500 ms)", bands, top: 30, lines: [
      { label: "publisher, top layer", color: PUBLISHER, isDashed: true, points: perSecond(encoded, "frames", lengthMs, 1) },
      ...byViewer(({ samples }) => perSecond(samples, "decoded", lengthMs, 1)),
    ] }),
    chart({ ...common, title: "delay from painting to showing, ms", bands, top: 200, lines: byViewer(({ frames }) => delays(/** @type {any[]} */ (inside(frames)))) }),
    chart({ ...common, title: "picture height", top: run.height, lines: byViewer(({ frames }) => steps(/** @type {any[]} */ (inside(frames)), lengthMs), { isStep: true }) }),
    chart({ ...common, title: "kb/s: sent to the viewer", lines: [
      ...byViewer((_, name) => perSecond(run.lanes[`${name}.down`], "bytesIn", lengthMs, 8 / 1000)),
      ...viewers.flatMap(([name], i) => estimate(run, name, viewers.length > 1 ? `server's estimate of ${name}` : "server's estimate", colorOf(i))),
      ...limited.map((name) => ({ label: `${name}'s link`, color: LINK, isDashed: true, isStep: true, points: rateOf(run, name, "down") })),
    ] }),
    chart({ ...common, title: "queue at the viewer's link, ms", top: 100, lines: byViewer((_, name) => run.lanes[`${name}.down`].map(({ atMs, queueMs }) => [atMs, queueMs])) }),
    ...(uplink.some(([, value]) => value !== null) ? [
      chart({ ...common, title: "kb/s: sent by the publisher", lines: [
        { label: "publisher", color: PUBLISHER, points: perSecond(sentBytes, "bytes", lengthMs, 8 / 1000) },
        { label: "its link", color: LINK, isDashed: true, isStep: true, points: uplink },
      ] }),
    ] : []),
  ].join("");
}

/**
 * The server's estimate of what a viewer's link carries, cut off where it is far beyond what there is to send.
 * @param {Run} run @param {string} viewer @param {string} label @param {string} color
 * @returns {Line[]}
 */
function estimate(run, viewer, label, color) {
  const points = (run.serverViews[viewer] ?? []).filter(({ estimateBps }) => estimateBps !== null);
  if (points.length === 0) return [];
  return [{ label, color, isDashed: true, points: points.map(({ atMs, estimateBps }) => [atMs, Math.min(Number(estimateBps) / 1000, ESTIMATE_TOP_KBPS)]) }];
}

/**
 * A line that breaks where the picture stood still.
 * @param {{atMs: number, delayMs: number | null}[]} frames
 * @returns {[number, number | null][]}
 */
function delays(frames) {
  const read = frames.filter(({ delayMs }) => delayMs !== null);
  return read.flatMap(({ atMs, delayMs }, i) => {
    const stood = i > 0 && atMs - read[i - 1].atMs > FREEZE_MS;
    return /** @type {[number, number | null][]} */ ([...(stood ? [[atMs, null]] : []), [atMs, delayMs]]);
  });
}

/** @param {{atMs: number, height: number}[]} frames @param {number} lengthMs @returns {[number, number][]} */
function steps(frames, lengthMs) {
  const changes = frames.filter(({ height }, i) => i === 0 || frames[i - 1].height !== height);
  const points = changes.map(({ atMs, height }) => /** @type {[number, number]} */ ([atMs, height]));
  return frames.length > 0 ? [...points, [lengthMs, frames[frames.length - 1].height]] : [];
}

/** @param {Run} run */
function section(run) {
  const layers = run.published.layers.map(({ rid, height, fps, kbps, plis, nacks }) => `${rid || "single"}: ${height} lines, ${fps} fps, ${kbps} kb/s, ${plis} keyframe requests, ${nacks} NACKs`);
  const phases = run.perPhase.length < 2 ? "" : `<table><tr><th>phase</th>${COLUMNS.map(([name]) => `<th>${name}</th>`).join("")}</tr>${run.perPhase
    .flatMap(({ name, ...viewers }) => Object.entries(viewers).map(([viewer, figures]) => `<tr><td>${escape(Object.keys(viewers).length > 1 ? `${name}, ${viewer}` : name)}</td>${COLUMNS.map(([, value]) => `<td>${escape(String(value(figures)))}</td>`).join("")}</tr>`)).join("")}</table>`;
  return `<h2 id="${escape(run.profile)}">${escape(run.profile)}</h2><p>${escape(run.sentence)}; ${run.seconds} s</p>
    <ul>${run.verdicts.map(verdictItem).join("")}${run.doubts.map((doubt) => `<li class="note">${escape(doubt)}</li>`).join("")}</ul>
    <div class="wide">${phases}</div>${charts(run)}
    <p>Publisher: ${escape(layers.join("; "))}. Viewers mostly saw ${escape(Object.entries(run.figures).map(([name, { heights }]) => `${name} ${mostly(heights)} lines`).join(", "))}.
    Load of the machine up to ${run.machine.load}, wire late by at most ${run.machine.wireLateMs} ms, pages by ${run.machine.stallMs} ms.</p>`;
}

/**
 * @param {string} file
 * @param {Run[]} runs
 * @param {{seed: number, codec: string}} conditions
 */
export function writeReport(file, runs, { seed, codec }) {
  const verdicts = runs.flatMap((run) => run.verdicts);
  const reached = verdicts.filter(({ ok }) => ok).length;
  const servers = [...new Set(runs.map(({ server }) => server))].join(", ");
  const size = [...new Set(runs.map(({ width, height }) => `${width}x${height}`))].join(", ");
  const mean = runs.length > 0 ? round(runs.reduce((sum, run) => sum + run.machine.load, 0) / runs.length) : 0;
  fs.writeFileSync(file, `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(servers)} on bad networks</title><style>${STYLE}</style></head>
    <body><h1>${escape(servers)} on bad networks</h1>
    <p>${reached} of ${verdicts.length} aims reached. Real Chromium at both ends, ${escape(size)} at 30 fps, ${escape(codec)} simulcast, no sound; seed ${seed}; mean load of the machine ${mean}.</p>
    <p>fps: frames decoded. A freeze: no new frame on the screen for more than 500 ms; W3C: what the browser counts as one. Delay: from the painting of a
    frame to its showing, read off the picture. Loss: as the browser counts it, before repair.</p>
    ${overview(runs)}${runs.map(section).join("")}</body></html>`);
}
