// SPDX-License-Identifier: Apache-2.0
//
// Making and finding elements. Text goes in as text, never as markup.

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element #${id}.`);
  return /** @type {T} */ (found);
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {{class?: string, text?: string, attributes?: Record<string, string>}} [options]
 * @param {(Node | null | undefined)[]} [children]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, { class: className, text, attributes = {} } = {}, children = []) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child != null));
  return element;
}

/**
 * Set a data attribute, or take it off with null; does nothing when it is so already.
 * @param {HTMLElement} element
 * @param {string} name
 * @param {string | boolean | null} value
 */
export function setData(element, name, value) {
  if (value === null) delete element.dataset[name];
  else if (element.dataset[name] !== String(value)) element.dataset[name] = String(value);
}
