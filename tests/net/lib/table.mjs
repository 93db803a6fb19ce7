// SPDX-License-Identifier: Apache-2.0
//
// The figures of all runs, a line a viewer.

/** @typedef {import("./run_profile.mjs").Run} Run */

/** @type {[string, (f: any) => string | number][]} */
export const COLUMNS = [
  ["fps", (f) => f.fps],
  ["worst s", (f) => f.fpsWorstSecond ?? "-"],
  ["freezes", (f) => f.freezes],
  ["frozen ms", (f) => f.frozenMs],
  ["longest ms", (f) => f.longestGapMs],
  ["W3C", (f) => f.w3cFreezes],
  ["lines", (f) => mostly(f.heights)],
  ["kb/s", (f) => f.kbps],
  ["delay ms", (f) => f.delayMedianMs ?? "-"],
  ["p95", (f) => f.delayP95Ms ?? "-"],
  ["loss %", (f) => f.lossPercent],
  ["rtx", (f) => f.retransmitted],
  ["nack", (f) => f.nacks],
  ["pli", (f) => f.plis],
];

/** The picture height of most of the time. @param {Record<string, number>} shares */
export function mostly(shares) {
  const [best] = Object.entries(shares).sort(([, a], [, b]) => b - a);
  return best ? best[0] : "-";
}

/** @param {Run[]} runs */
export function printTable(runs) {
  const rows = runs.flatMap((run) =>
    Object.entries(run.figures).map(([viewer, figures], i) => {
      const first = Object.keys(run.figures).length > 1 ? `${run.profile}/${viewer.slice(-1)}` : run.profile;
      const missed = run.verdicts.filter(({ ok }) => !ok).length;
      const verdict = i > 0 ? "" : run.verdicts.length === 0 ? "-" : missed === 0 ? "pass" : `FAIL ${missed} of ${run.verdicts.length}`;
      return [first, ...COLUMNS.map(([, value]) => String(value(figures))), verdict, i === 0 && run.doubts.length > 0 ? "machine busy" : ""];
    }),
  );
  const head = ["profile", ...COLUMNS.map(([name]) => name), "aims", ""];
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i].length)));
  console.log("");
  for (const row of [head, ...rows]) console.log(row.map((text, i) => (i === 0 || i > COLUMNS.length ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join("  ").trimEnd());
}
