// SPDX-License-Identifier: Apache-2.0
//
// As much SDP as an adapter needs: sections and their attributes, in and out of text.

/**
 * @typedef {object} Section   an m-section, or the lines before the first
 * @property {string} kind     audio, video, application; empty for the session's own
 * @property {string} port
 * @property {string} protocol
 * @property {string[]} formats
 * @property {string[]} lines  all others, without the line end
 */

/**
 * @param {string} text
 * @returns {{session: Section, media: Section[]}}
 */
export function parse(text) {
  const session = { kind: "", port: "", protocol: "", formats: [], lines: /** @type {string[]} */ ([]) };
  /** @type {Section[]} */
  const media = [];
  for (const line of text.split(/\r?\n/).filter(Boolean)) {
    if (line.startsWith("m=")) {
      const [kind, port, protocol, ...formats] = line.slice(2).split(" ");
      media.push({ kind, port, protocol, formats, lines: [] });
    } else {
      (media.at(-1) ?? session).lines.push(line);
    }
  }
  return { session, media };
}

/**
 * The values of an attribute: `a=name:value`.
 * @param {Section} section @param {string} name
 */
export const values = (section, name) => section.lines.filter((line) => line.startsWith(`a=${name}:`)).map((line) => line.slice(name.length + 3));

/**
 * The value of an attribute that may stand before the first m-section as well.
 * @param {{session: Section, media: Section[]}} sdp @param {string} name
 * @returns {string | undefined}
 */
export const transportValue = (sdp, name) => [sdp.media.find(({ port }) => port !== "0") ?? sdp.session, sdp.session].flatMap((one) => values(one, name))[0];

/** @param {Section} section  @returns {string} */
export const directionOf = (section) => section.lines.map((line) => line.match(/^a=(sendrecv|sendonly|recvonly|inactive)$/)?.[1]).find(Boolean) ?? "sendrecv";

/**
 * @typedef {object} Codec
 * @property {string} pt
 * @property {string} name        "VP8/90000", "opus/48000/2"
 * @property {string} [fmtp]
 * @property {string[]} feedback
 */

/** @param {Section} section  @returns {Codec[]} in the order of the m-line */
export function codecs(section) {
  const rows = (/** @type {string} */ name) => values(section, name).map((value) => value.split(/ (.*)/));
  const names = new Map(rows("rtpmap").map(([pt, name]) => [pt, name]));
  const fmtps = new Map(rows("fmtp").map(([pt, fmtp]) => [pt, fmtp]));
  return section.formats.filter((pt) => names.has(pt)).map((pt) => ({
    pt,
    name: /** @type {string} */ (names.get(pt)),
    fmtp: fmtps.get(pt),
    feedback: rows("rtcp-fb").filter(([of]) => of === pt || of === "*").map(([, what]) => what),
  }));
}

/** @param {Section} section  @returns {Map<string, string>} of URI to id */
export const extensions = (section) => new Map(values(section, "extmap").map((value) => value.split(" ")).map(([id, uri]) => [uri, id.split("/")[0]]));

/** @param {string[]} lines */
export const textOf = (lines) => lines.map((line) => `${line}\r\n`).join("");

/** @param {Codec} codec  @returns {string[]} */
export const codecLines = ({ pt, name, fmtp, feedback }) => [
  `a=rtpmap:${pt} ${name}`,
  ...(fmtp ? [`a=fmtp:${pt} ${fmtp}`] : []),
  ...feedback.map((what) => `a=rtcp-fb:${pt} ${what}`),
];
