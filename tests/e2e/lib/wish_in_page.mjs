// SPDX-License-Identifier: Apache-2.0
//
// Functions that run inside a page and speak WHIP and WHEP with nothing but fetch and RTCPeerConnection: each stands alone,
// because only its text travels. A page keeps its connections in `window.wish`, by name.

/**
 * POST an offer and apply the answer.
 * @param {{name: string, endpoint: string, direction?: "sendonly" | "sendrecv" | "recvonly", kinds?: string[], codec?: string,
 *   remove?: string, replace?: [string, string][], token?: string}} options
 *   remove: lines of the offer that the server does not get; replace: the same for pieces of text
 */
export async function connect({ name, endpoint, direction = "sendonly", kinds = ["audio", "video"], codec, remove, replace = [], token }) {
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const wish = { pc, posts: 0, resource: null, etag: null, stream: new MediaStream(), states: [] };
  (window.wish ??= {})[name] = wish;
  pc.onconnectionstatechange = () => wish.states.push(pc.connectionState);
  if (direction !== "recvonly") {
    wish.local = await navigator.mediaDevices.getUserMedia({
      audio: kinds.includes("audio"),
      video: kinds.includes("video") && { width: 640, height: 360, frameRate: 15 },
    });
  }
  for (const kind of kinds) {
    const track = wish.local?.getTracks().find((one) => one.kind === kind);
    const transceiver = pc.addTransceiver(track ?? kind, { direction, streams: wish.local ? [wish.local] : [] });
    if (codec && kind === "video") {
      const { codecs } = RTCRtpReceiver.getCapabilities("video");
      transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType.toLowerCase() === `video/${codec.toLowerCase()}`));
    }
    if (direction === "recvonly") wish.stream.addTrack(transceiver.receiver.track);
  }
  await pc.setLocalDescription(await pc.createOffer());
  let offer = pc.localDescription.sdp;
  if (remove) offer = offer.split("\r\n").filter((line) => !new RegExp(remove).test(line)).join("\r\n");
  for (const [from, to] of replace) offer = offer.replaceAll(from, to);
  const headers = { "content-type": "application/sdp", ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(endpoint, { method: "POST", headers, body: offer });
  wish.posts++;
  const text = await response.text();
  if (response.status !== 201) return { status: response.status, problem: text, offer };
  wish.resource = new URL(response.headers.get("location"), response.url).href;
  wish.etag = response.headers.get("etag");
  // What the server was not told, the browser still wants to hear.
  let answer = text;
  if (/mid/.test(remove ?? "")) answer = answer.replace(/^(m=.*\r\nc=.*\r\n)/m, `$1a=mid:0\r\n`).replace(/^t=0 0\r\n/m, "t=0 0\r\na=group:BUNDLE 0\r\n");
  await pc.setRemoteDescription({ type: "answer", sdp: answer });
  if (direction === "recvonly") {
    wish.video = Object.assign(document.createElement("video"), { autoplay: true, srcObject: wish.stream });
    document.body.append(wish.video);
  }
  return { status: 201, offer, answer: text, resource: wish.resource, etag: wish.etag, link: response.headers.get("link") };
}

/** What a connection receives, and how often it was negotiated. @param {string} name */
export async function received(name) {
  const wish = window.wish?.[name];
  if (!wish) return null;
  const rows = [...(await wish.pc.getStats()).values()];
  const of = (kind) => rows.find((row) => row.type === "inbound-rtp" && row.kind === kind) ?? {};
  const video = of("video");
  const audio = of("audio");
  const codecOf = (row) => rows.find(({ id }) => id === row.codecId)?.mimeType ?? null;
  return {
    atMs: performance.now(),
    state: wish.pc.connectionState,
    posts: wish.posts,
    frames: video.framesDecoded ?? 0,
    width: video.frameWidth ?? 0,
    ssrc: video.ssrc ?? null,
    videoCodec: codecOf(video),
    audioPackets: audio.packetsReceived ?? 0,
    energy: audio.totalAudioEnergy ?? 0,
    lost: (video.packetsLost ?? 0) + (audio.packetsLost ?? 0),
  };
}

/**
 * The mean colour of a connection's picture.
 * @param {string} name
 * @returns {number[] | null}
 */
export function colorOf(name) {
  const video = window.wish?.[name]?.video;
  if (!video?.videoWidth) return null;
  const canvas = Object.assign(document.createElement("canvas"), { width: 4, height: 4 });
  const paint = canvas.getContext("2d");
  paint.drawImage(video, 0, 0, 4, 4);
  const { data } = paint.getImageData(0, 0, 4, 4);
  return [0, 1, 2].map((channel) => {
    let sum = 0;
    for (let i = channel; i < data.length; i += 4) sum += data[i];
    return Math.round(sum / 16);
  });
}

/**
 * Restart ICE with a PATCH.
 * @param {string} name
 */
export async function restartIce(name) {
  const { pc, resource } = window.wish[name];
  const find = (sdp, what) => sdp.match(new RegExp(`^a=ice-${what}:(\\S+)`, "m"))[1];
  const before = pc.currentRemoteDescription.sdp;
  pc.restartIce();
  await pc.setLocalDescription(await pc.createOffer());
  const offer = pc.localDescription.sdp;
  const body = `a=ice-ufrag:${find(offer, "ufrag")}\r\na=ice-pwd:${find(offer, "pwd")}\r\n`;
  const response = await fetch(resource, { method: "PATCH", headers: { "content-type": "application/trickle-ice-sdpfrag", "if-match": "*" }, body });
  const text = await response.text();
  if (response.status !== 200) return { status: response.status, text };
  const answer = before
    .replaceAll(`a=ice-ufrag:${find(before, "ufrag")}`, `a=ice-ufrag:${find(text, "ufrag")}`)
    .replaceAll(`a=ice-pwd:${find(before, "pwd")}`, `a=ice-pwd:${find(text, "pwd")}`);
  await pc.setRemoteDescription({ type: "answer", sdp: answer });
  return { status: 200, text, type: response.headers.get("content-type"), etag: response.headers.get("etag"), before: find(before, "ufrag"), now: find(text, "ufrag") };
}

/** @param {string} name */
export async function end(name) {
  const { pc, resource } = window.wish[name];
  const { status } = await fetch(resource, { method: "DELETE" });
  pc.close();
  delete window.wish[name];
  return status;
}
