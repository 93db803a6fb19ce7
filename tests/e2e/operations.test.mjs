// SPDX-License-Identifier: Apache-2.0
//
// Holds docs/operations.md against the program: its settings, its metrics and the reasons of dropped packets, both ways.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { ROOT } from "./lib/paths.mjs";
import { Server, runServerProgram } from "./lib/server.mjs";

const read = (/** @type {string} */ name) => fs.readFileSync(path.join(ROOT, name), "utf8");
const page = read("docs/operations.md");
const metricsChapter = page.slice(page.indexOf("## Metrics"));

/** All that an expression's first group finds. @param {string} text @param {RegExp} expression */
const all = (text, expression) => [...new Set([...text.matchAll(expression)].map((match) => match[1]))].sort();

/** What stands in the first column of tables, each in backticks. @param {string} text */
const firstColumn = (text) => all(all(text, /^\| (`.*?) \|/gm).join(), /`([^`]+)`/g);

test("every setting is in docs/operations.md, and no other", async () => {
  const settings = all(await runServerProgram(["--help"]), /([\w.]+), PARLEY_\w+$/gm);
  assert.ok(settings.length > 20, "the settings of --help were read");
  const groups = [...new Set(settings.filter((name) => name.includes(".")).map((name) => name.split(".")[0]))].join("|");
  assert.deepEqual(settings.filter((name) => !page.includes(`\`${name}\``)), [], "in the program, not on the page");
  const named = all(page, new RegExp(`\`((?:${groups})\\.[a-z_]+)`, "g"));
  assert.deepEqual(named.filter((name) => !settings.includes(name)), [], "on the page, not in the program");
  const flags = all(page + read("README.md"), new RegExp(`--((?:${groups})-[a-z-]+)`, "g"));
  const known = settings.map((name) => name.replace(/[._]/g, "-"));
  assert.deepEqual(flags.filter((flag) => !known.includes(flag)), [], "flags that there are not");
});

test("every metric and reason is in docs/operations.md, and no other", async () => {
  const server = new Server("operations");
  await server.start(["--dev"]);
  let live;
  try {
    live = await (await fetch(`${server.url}/metrics`)).text();
  } finally {
    await server.stop();
  }
  const named = firstColumn(metricsChapter).map((name) => name.replace(/\{.*/, "")).sort();
  assert.deepEqual(
    all(live, /^# TYPE (\S+)/gm).filter((name) => !name.startsWith("process_")),
    named.filter((name) => name.startsWith("parley_")),
  );
  for (const [family, heading, after] of [
    ["parley_received_packets_dropped_total", "Reasons of drops on arrival:", "And of what was not sent:"],
    ["parley_sent_packets_dropped_total", "And of what was not sent:", "Worth an alert"],
  ]) {
    const chapter = metricsChapter.slice(metricsChapter.indexOf(heading), metricsChapter.indexOf(after));
    assert.deepEqual(all(live, new RegExp(`^${family}\\{.*reason="(\\w+)"`, "gm")), firstColumn(chapter), family);
  }
});
