// SPDX-License-Identifier: Apache-2.0
//
// Initials on a colour that stays the same for the same person.

/**
 * @param {string} name
 * @returns {string} one or two letters
 */
export function initialsOf(name) {
  const words = name.trim().split(/[\s._-]+/u).filter(Boolean);
  if (words.length === 0) return "?";
  const first = [...words[0]][0];
  const last = words.length > 1 ? [...words[words.length - 1]][0] : "";
  return (first + last).toUpperCase();
}

/**
 * @param {string} text
 * @returns {number} hue, 0 to 359
 */
export function hueOf(text) {
  let hash = 7;
  for (const character of text) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return hash % 360;
}

/**
 * @param {HTMLElement} element
 * @param {string} name
 */
export function paintAvatar(element, name) {
  element.textContent = initialsOf(name);
  element.style.backgroundColor = `hsl(${hueOf(name)} 38% 38%)`;
}
