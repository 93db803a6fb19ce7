// SPDX-License-Identifier: Apache-2.0
//
// CommonJS packages for a page: everything that one requires, as one text to evaluate. A bundler of a few lines, because the
// packages under test ship nothing that a browser takes as it is.

import fs from "node:fs";
import { createRequire } from "node:module";

const here = createRequire(import.meta.url);

/** @typedef {Map<string, {source: string, imports: Record<string, string>}>} Files */

/**
 * @param {string} name    of the package
 * @param {string} global  what the page finds it under
 * @param {string[]} [without]  packages that are left out: empty objects take their place
 * @returns {string}
 */
export function bundle(name, global, without = []) {
  /** @type {Files} */
  const files = new Map();
  const entry = add(here.resolve(name), files, without);
  const rows = [...files].map(([file, { source, imports }]) =>
    `${JSON.stringify(file)}: [${JSON.stringify(imports)}, function (module, exports, require) {${source}\n}]`);
  return `globalThis[${JSON.stringify(global)}] = (() => {
    const table = {${rows.join(",\n")}};
    const loaded = {};
    const load = (file) => {
      if (!table[file]) return {};
      if (!loaded[file]) {
        const [imports, run] = table[file];
        loaded[file] = { exports: {} };
        run(loaded[file], loaded[file].exports, (name) => load(imports[name]));
      }
      return loaded[file].exports;
    };
    return load(${JSON.stringify(entry)});
  })()`;
}

/** @param {string} file @param {Files} files @param {string[]} without */
function add(file, files, without) {
  if (files.has(file)) return file;
  const source = fs.readFileSync(file, "utf8");
  /** @type {Record<string, string>} */
  const imports = {};
  files.set(file, { source, imports });
  for (const [, name] of source.matchAll(/\brequire\(["']([^"']+)["']\)/g)) {
    if (without.includes(name)) continue;
    // "events" is Node's own there, and a package of the same name in a page.
    imports[name] = add(createRequire(file).resolve(name === "events" ? "events/" : name), files, without);
  }
  return file;
}
