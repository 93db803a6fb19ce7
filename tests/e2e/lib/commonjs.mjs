// SPDX-License-Identifier: Apache-2.0
//
// CommonJS packages for a page: everything that one requires, as one text to evaluate. A bundler of a few lines, because the
// packages under test ship nothing that a browser takes as it is.

import fs from "node:fs";
import { builtinModules, createRequire } from "node:module";
import path from "node:path";

const require = createRequire(import.meta.url);

/**
 * @param {string} name  of the package
 * @param {string} global  what the page finds it under
 * @returns {string}
 */
export function bundle(name, global) {
  const files = new Map();
  const entry = add(require.resolve(name), files);
  const table = [...files].map(([file, { source, imports }]) => `${JSON.stringify(file)}: [${JSON.stringify(imports)}, function (module, exports, require) {${source}\n}]`);
  return `globalThis[${JSON.stringify(global)}] = (() => {
    const table = {${table.join(",\n")}};
    const loaded = {};
    const load = (file) => {
      if (!table[file]) return {};
      if (loaded[file]) return loaded[file].exports;
      const module = (loaded[file] = { exports: {} });
      const [imports, run] = table[file];
      run(module, module.exports, (name) => load(imports[name]));
      return module.exports;
    };
    globalThis.process ??= { env: {} };
    return load(${JSON.stringify(entry)});
  })()`;
}

/** @param {string} file @param {Map<string, {source: string, imports: Record<string, string>}>} files */
function add(file, files) {
  if (files.has(file)) return file;
  const source = fs.readFileSync(file, "utf8");
  /** @type {Record<string, string>} */
  const imports = {};
  files.set(file, { source: file.endsWith(".json") ? `module.exports = ${source}` : source, imports });
  for (const [, name] of source.matchAll(/\brequire\("([^"]+)"\)|\brequire\('([^']+)'\)/g)) if (name) imports[name] = resolve(name, file, files);
  return file;
}

/** @param {string} name @param {string} from @param {Map<string, any>} files */
function resolve(name, from, files) {
  const own = path.join(path.dirname(require.resolve("events/package.json")), "events.js");
  if (name === "events") return add(own, files);
  if (builtinModules.includes(name.replace(/^node:/, ""))) return ""; // a page has none of these
  return add(createRequire(from).resolve(name), files);
}
