// SPDX-License-Identifier: Apache-2.0
//
// The camera in a corner of the screen, as one picture. A worker keeps the time, because a page in the background gets no
// animation frames, and that is where a studio is while its user shows something else.

const FRAMES_PER_SECOND = 30;
const MAX_HEIGHT = 1080;
/** Of the picture's width. */
const INSET_SHARE = 0.22;
const MARGIN_SHARE = 0.02;

export class Compositor {
  /** The composed picture. @type {MediaStreamTrack} */
  track;
  #canvas = document.createElement("canvas");
  #paint = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext("2d", { alpha: false }));
  #screen = makeVideo();
  #camera = makeVideo();
  #ticker = new Worker(new URL("./ticker.js", import.meta.url));

  constructor() {
    Object.assign(this.#canvas, { width: 1280, height: 720 });
    this.track = this.#canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks()[0];
    this.#ticker.onmessage = () => this.#draw();
    this.#ticker.postMessage(1000 / FRAMES_PER_SECOND);
  }

  /**
   * @param {MediaStreamTrack} screen
   * @param {MediaStreamTrack} camera
   */
  show(screen, camera) {
    for (const [video, track] of /** @type {const} */ ([[this.#screen, screen], [this.#camera, camera]])) {
      video.srcObject = new MediaStream([track]);
      void video.play().catch(() => {});
    }
  }

  close() {
    this.#ticker.terminate();
    this.track.stop();
    this.#screen.srcObject = this.#camera.srcObject = null;
  }

  #draw() {
    const { videoWidth, videoHeight } = this.#screen;
    if (!videoWidth) return;
    const scale = Math.min(1, MAX_HEIGHT / videoHeight);
    const width = even(videoWidth * scale);
    const height = even(videoHeight * scale);
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    this.#paint.drawImage(this.#screen, 0, 0, width, height);
    this.#drawInset(width, height);
  }

  /** @param {number} width @param {number} height */
  #drawInset(width, height) {
    const { videoWidth, videoHeight } = this.#camera;
    if (!videoWidth) return;
    const w = width * INSET_SHARE;
    const h = (w * videoHeight) / videoWidth;
    const margin = width * MARGIN_SHARE;
    const paint = this.#paint;
    paint.save();
    paint.beginPath();
    paint.roundRect(width - w - margin, height - h - margin, w, h, w * 0.06);
    paint.clip();
    paint.drawImage(this.#camera, width - w - margin, height - h - margin, w, h);
    paint.restore();
  }
}

/** Encoders want even sizes. @param {number} n */
const even = (n) => Math.max(2, Math.round(n / 2) * 2);

function makeVideo() {
  return Object.assign(document.createElement("video"), { muted: true, playsInline: true });
}
