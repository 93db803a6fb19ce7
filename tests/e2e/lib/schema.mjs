// SPDX-License-Identifier: Apache-2.0
//
// Checks a value against the part of JSON Schema that docs/openapi.yaml uses. A keyword that is not known here is an error, so that
// nothing in the file goes unchecked.

const ANNOTATIONS = new Set(["description"]);

const TYPES = {
  object: (v) => typeof v === "object" && v !== null && !Array.isArray(v),
  array: Array.isArray,
  string: (v) => typeof v === "string",
  integer: Number.isInteger,
  number: Number.isFinite,
  boolean: (v) => typeof v === "boolean",
  null: (v) => v === null,
};

const KEYWORDS = {
  type: (v, want) => [want].flat().some((type) => TYPES[type](v)),
  enum: (v, want) => want.includes(v),
  pattern: (v, want) => new RegExp(want).test(v),
  minLength: (v, want) => v.length >= want,
  maxLength: (v, want) => v.length <= want,
  minimum: (v, want) => v >= want,
  maximum: (v, want) => v <= want,
  required: (v, want) => want.every((name) => name in v),
  additionalProperties: (v, want, schema) => want || Object.keys(v).every((name) => name in schema.properties),
};

/**
 * @param {any} document  the whole file, for references
 * @param {any} node      a schema, response or parameter, maybe {$ref}
 */
export function resolve(document, node) {
  while (node?.$ref) node = node.$ref.slice(2).split("/").reduce((at, key) => at[key], document);
  return node;
}

/**
 * @param {any} document
 * @param {any} schema
 * @param {any} value
 * @param {string} [path]
 * @returns {string[]} what is wrong
 */
export function violations(document, schema, value, path = "$") {
  schema = resolve(document, schema);
  const found = [];
  for (const [keyword, want] of Object.entries(schema)) {
    if (keyword === "properties") {
      for (const [name, inner] of Object.entries(want)) {
        if (TYPES.object(value) && name in value) found.push(...violations(document, inner, value[name], `${path}.${name}`));
      }
    } else if (keyword === "items") {
      if (Array.isArray(value)) value.forEach((item, i) => found.push(...violations(document, want, item, `${path}[${i}]`)));
    } else if (keyword === "additionalProperties" && typeof want === "object") {
      const others = Object.entries(TYPES.object(value) ? value : {}).filter(([name]) => !(name in (schema.properties ?? {})));
      for (const [name, inner] of others) found.push(...violations(document, want, inner, `${path}.${name}`));
    } else if (KEYWORDS[keyword]) {
      if (!KEYWORDS[keyword](value, want, schema)) found.push(`${path}: ${keyword} ${JSON.stringify(want)}: ${JSON.stringify(value)}`);
    } else if (!ANNOTATIONS.has(keyword)) {
      found.push(`${path}: the keyword ${keyword} is not understood by this test`);
    }
    if (keyword === "type" && found.length > 0) break;
  }
  return found;
}
