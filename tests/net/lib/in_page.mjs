// SPDX-License-Identifier: Apache-2.0
//
// Functions that run inside a page: each stands alone, because only its text travels. A page keeps what it measures in `window.net`.
//
// The publisher's picture carries the time at which it was painted: a row of CELLS black and white cells along the upper edge, 24 bits of
// milliseconds and 8 bits that check them. Whoever shows the frame reads them off it and knows its age, the clock being the same.

/**
 * Publish a picture that moves.
 * @param {{endpoint: string, width: number, height: number, fps: number, encodings: any[], codec?: string}} options
 */
export async function publish({ endpoint, width, height, fps, encodings, codec }) {
  const CELLS = 32;
  const BACKGROUNDS = 24;
  const cell = width / CELLS;
  const luma = width * height;

  // Backgrounds are painted once: waves that move and, in the middle, blocks that change all the time, so that bits are needed.
  let state = 1;
  const random = () => (state = (state * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
  const backgrounds = Array.from({ length: BACKGROUNDS }, (_, k) => {
    const bytes = new Uint8Array((luma * 3) / 2).fill(128, luma);
    const phase = (k / BACKGROUNDS) * 2 * Math.PI;
    const rows = Array.from({ length: height }, (_, y) => 40 * Math.sin(y / 37 + phase));
    const columns = Array.from({ length: width }, (_, x) => 40 * Math.sin(x / 53 - phase));
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) bytes[y * width + x] = 126 + rows[y] + columns[x];
    const block = width / 40;
    for (let by = 0; by < 6; by++) {
      for (let bx = 0; bx < 12; bx++) {
        const shade = 40 + random() * 180;
        const top = height / 2 + (by - 3) * block;
        for (let y = top; y < top + block; y++) bytes.fill(shade, y * width + (14 + bx) * block, y * width + (15 + bx) * block);
      }
    }
    return bytes;
  });

  const paintTime = (bytes, ms) => {
    const bits = ms & 0xffffff;
    const word = [...Array(24).keys()].map((i) => (bits >> i) & 1);
    const check = ((bits & 0xff) ^ ((bits >> 8) & 0xff) ^ ((bits >> 16) & 0xff)) ^ 0xa5;
    word.push(...[...Array(8).keys()].map((i) => (check >> i) & 1));
    for (let y = 0; y < cell; y++) word.forEach((bit, i) => bytes.fill(bit ? 235 : 16, y * width + i * cell, y * width + (i + 1) * cell));
  };

  const track = new MediaStreamTrackGenerator({ kind: "video" });
  const writer = track.writable.getWriter();
  const start = performance.now();
  let painted = 0;
  let next = 1;
  const dueMs = (frame) => start + (frame * 1000) / fps - performance.now();
  const paint = () => {
    if (dueMs(next) <= 0) {
      const bytes = backgrounds[next % BACKGROUNDS];
      paintTime(bytes, Date.now());
      const timestamp = Math.round((performance.now() - start) * 1000);
      if (writer.desiredSize === null || writer.desiredSize > 0) {
        void writer.write(new VideoFrame(bytes, { format: "I420", codedWidth: width, codedHeight: height, timestamp })).catch(() => {});
        painted++;
      }
      // Frames that the machine was too late for are left out, as a camera would.
      while (dueMs(next) <= 0) next++;
    }
    setTimeout(paint, Math.max(0, dueMs(next)));
  };
  paint();

  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const net = (window.net = { pc, samples: [], states: [] });
  pc.onconnectionstatechange = () => net.states.push({ atMs: Date.now(), state: pc.connectionState });
  const transceiver = pc.addTransceiver(track, { direction: "sendonly", streams: [new MediaStream([track])], sendEncodings: encodings });
  if (codec) {
    const { codecs } = RTCRtpSender.getCapabilities("video");
    const isWanted = ({ mimeType }) => [`video/${codec}`.toLowerCase(), "video/rtx"].includes(mimeType.toLowerCase());
    transceiver.setCodecPreferences(codecs.filter(isWanted));
  }
  // A processor that is too slow costs frames, which show at the publisher as well, and not the layers that are looked for.
  const parameters = transceiver.sender.getParameters();
  parameters.degradationPreference = "maintain-resolution";
  await transceiver.sender.setParameters(parameters);
  await pc.setLocalDescription();
  const response = await fetch(endpoint, { method: "POST", headers: { "content-type": "application/sdp" }, body: pc.localDescription.sdp });
  if (response.status !== 201) return `${response.status} ${await response.text()}`;
  await pc.setRemoteDescription({ type: "answer", sdp: await response.text() });

  const sample = async () => {
    const rows = [...(await pc.getStats()).values()];
    const pair = rows.find(({ type, nominated }) => type === "candidate-pair" && nominated);
    net.samples.push({
      atMs: Date.now(),
      painted,
      availableBps: pair?.availableOutgoingBitrate ?? null,
      rttMs: pair?.currentRoundTripTime === undefined ? null : pair.currentRoundTripTime * 1000,
      layers: rows.filter(({ type, kind }) => type === "outbound-rtp" && kind === "video").map((row) => ({
        rid: row.rid ?? "", active: row.active, height: row.frameHeight ?? 0, frames: row.framesEncoded, bytes: row.bytesSent,
        retransmitted: row.retransmittedPacketsSent, nacks: row.nackCount, plis: row.pliCount, keyFrames: row.keyFramesEncoded,
        limitedBy: row.qualityLimitationReason,
      })),
    });
  };
  setInterval(() => void sample(), 200);
  return null;
}

/**
 * Play it, and look at every frame that is shown.
 * @param {{endpoint: string}} options
 */
export async function view({ endpoint }) {
  const CELLS = 32;
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const net = (window.net = { pc, samples: [], frames: [], states: [] });
  pc.onconnectionstatechange = () => net.states.push({ atMs: Date.now(), state: pc.connectionState });
  const { receiver } = pc.addTransceiver("video", { direction: "recvonly" });
  const video = Object.assign(document.createElement("video"), { autoplay: true, muted: true, srcObject: new MediaStream([receiver.track]) });
  video.style.cssText = "position:fixed;inset:0;width:320px;height:180px";
  document.body.append(video);

  /** The time in the upper edge; null when it does not read. */
  const readTime = async () => {
    const frame = new VideoFrame(video);
    try {
      const { width, height } = frame.visibleRect;
      const cell = width / CELLS;
      const rect = { x: 0, y: 2 * Math.floor(cell / 4), width: width & ~1, height: Math.min(2, height) };
      if (!/^(I420|NV12)/.test(frame.format ?? "")) return null;
      const bytes = new Uint8Array(frame.allocationSize({ rect }));
      const [{ offset }] = await frame.copyTo(bytes, { rect }); // luma comes first
      const bit = (i) => (bytes[offset + Math.floor((i + 0.5) * cell)] > 126 ? 1 : 0);
      let ms = 0;
      let check = 0;
      for (let i = 0; i < 24; i++) ms |= bit(i) << i;
      for (let i = 0; i < 8; i++) check |= bit(24 + i) << i;
      return (((ms & 0xff) ^ ((ms >> 8) & 0xff) ^ ((ms >> 16) & 0xff)) ^ 0xa5) === check ? ms : null;
    } finally {
      frame.close();
    }
  };
  const onFrame = async (_now, { presentedFrames, width, height }) => {
    const atMs = Date.now();
    video.requestVideoFrameCallback(onFrame);
    const row = { atMs, presented: presentedFrames, width, height, delayMs: null };
    net.frames.push(row);
    const painted = await readTime().catch(() => null);
    if (painted !== null) row.delayMs = ((atMs & 0xffffff) - painted + 0x1000000) % 0x1000000;
  };
  video.requestVideoFrameCallback(onFrame);

  await pc.setLocalDescription();
  const response = await fetch(endpoint, { method: "POST", headers: { "content-type": "application/sdp" }, body: pc.localDescription.sdp });
  if (response.status !== 201) return `${response.status} ${await response.text()}`;
  await pc.setRemoteDescription({ type: "answer", sdp: await response.text() });

  // How late a timer is tells how much of the machine the page gets.
  let last = performance.now();
  let stallMs = 0;
  setInterval(() => {
    const now = performance.now();
    stallMs = Math.max(stallMs, now - last - 50);
    last = now;
  }, 50);
  const sample = async () => {
    const rows = [...(await pc.getStats()).values()];
    const row = rows.find(({ type, kind }) => type === "inbound-rtp" && kind === "video") ?? {};
    const pair = rows.find(({ type, nominated }) => type === "candidate-pair" && nominated);
    net.samples.push({
      atMs: Date.now(),
      stallMs: Math.round(stallMs),
      rttMs: pair?.currentRoundTripTime === undefined ? null : pair.currentRoundTripTime * 1000,
      packets: row.packetsReceived ?? 0, lost: row.packetsLost ?? 0, bytes: row.bytesReceived ?? 0,
      retransmitted: row.retransmittedPacketsReceived ?? 0, nacks: row.nackCount ?? 0, plis: row.pliCount ?? 0, firs: row.firCount ?? 0,
      decoded: row.framesDecoded ?? 0, dropped: row.framesDropped ?? 0, keyFrames: row.keyFramesDecoded ?? 0, height: row.frameHeight ?? 0,
      freezes: row.freezeCount ?? 0, frozenS: row.totalFreezesDuration ?? 0,
      bufferS: row.jitterBufferDelay ?? 0, buffered: row.jitterBufferEmittedCount ?? 0,
    });
    stallMs = 0;
  };
  setInterval(() => void sample(), 200);
  return null;
}

/** The newest sample. */
export function newest() {
  const samples = window.net?.samples ?? [];
  return { state: window.net?.pc.connectionState ?? null, ...samples[samples.length - 1] };
}

/** Everything that was measured. */
export function harvest() {
  const { samples, frames = [], states } = window.net;
  return { samples, frames, states };
}
