// SPDX-License-Identifier: Apache-2.0
//
// A small box of choices beside a button, or at the bottom of a phone's screen. Closes on Escape, on a click elsewhere, and when
// the focus goes elsewhere; the focus then returns to the button.

const MARGIN = 8;

export class Popup {
  #element;
  /** @type {HTMLElement | null} */
  #opener = null;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
    element.hidden = true;
    element.tabIndex = -1;
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.close();
    });
    element.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget instanceof Node && !element.contains(relatedTarget) && relatedTarget !== this.#opener) this.#hide();
    });
    document.addEventListener("pointerdown", ({ target }) => {
      if (this.isOpen && target instanceof Node && !element.contains(target) && !this.#opener?.contains(target)) this.#hide();
    });
    addEventListener("resize", () => this.isOpen && this.#place());
  }

  get isOpen() {
    return !this.#element.hidden;
  }

  /**
   * Open beside a button, or close when it is open there.
   * @param {HTMLElement} opener
   */
  toggle(opener) {
    if (this.isOpen && this.#opener === opener) return this.close();
    this.#opener?.setAttribute("aria-expanded", "false");
    this.#opener = opener;
    opener.setAttribute("aria-expanded", "true");
    this.#element.hidden = false;
    this.#place();
    const first = this.#element.querySelector("input:checked, input, button:not([data-close])");
    /** @type {HTMLElement} */ (first ?? this.#element).focus({ preventScroll: true });
  }

  /** Close and give the focus back. */
  close() {
    const opener = this.#opener;
    this.#hide();
    if (opener?.isConnected) opener.focus({ preventScroll: true });
  }

  #hide() {
    this.#element.hidden = true;
    this.#opener?.setAttribute("aria-expanded", "false");
    this.#opener = null;
  }

  #place() {
    if (!this.#opener) return;
    const at = this.#opener.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.#element;
    const left = Math.max(MARGIN, Math.min(at.right - width, innerWidth - width - MARGIN));
    const below = at.bottom + MARGIN;
    const top = below + height + MARGIN <= innerHeight ? below : Math.max(MARGIN, Math.min(at.top - height - MARGIN, innerHeight - height - MARGIN));
    this.#element.style.left = `${left}px`;
    this.#element.style.top = `${top}px`;
  }
}

/**
 * Buttons of which one is chosen.
 * @param {HTMLElement} container
 * @param {string} name          unique on the page
 * @param {string} legend
 * @param {[string, string][]} options  value and label
 * @param {(value: string) => void} onChoose
 * @returns {(value: string) => void} shows another choice
 */
export function makeChoice(container, name, legend, options, onChoose) {
  const fieldset = document.createElement("fieldset");
  fieldset.className = "choice";
  const title = document.createElement("legend");
  title.textContent = legend;
  fieldset.append(title);
  /** @type {HTMLInputElement[]} */
  const inputs = [];
  for (const [value, text] of options) {
    const input = Object.assign(document.createElement("input"), { type: "radio", name, value });
    const label = document.createElement("label");
    const words = document.createElement("span");
    words.textContent = text;
    label.append(input, words);
    input.addEventListener("change", () => onChoose(value));
    inputs.push(input);
    fieldset.append(label);
  }
  container.append(fieldset);
  return (value) => {
    for (const input of inputs) input.checked = input.value === value;
  };
}
