// A waveform drawn from peaks: the agent above the line, the customer below.

export interface Peaks {
  /** Milliseconds that one pair of values stands for. */
  rate_ms: number;
  /** One list a channel: min, max, min, max, ... on one scale. */
  channels: number[][];
}

/** A stretch of time that is evidence for a verdict. */
export interface Mark {
  start: number;
  end: number;
  verdict: string;
}

const bar = 2; // width of a bar, CSS pixels
const gap = 1; // between bars
const quiet = 0.015; // the share of the loudest value that counts as silence
const strip = 5; // height of the strip with evidence, CSS pixels

export class Waveform {
  private scale = 1;
  private levels: number[][] = [];

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly duration: () => number,
    private readonly peaks: Peaks,
    private readonly marks: () => Mark[],
  ) {
    for (const channel of peaks.channels) {
      for (const v of channel) this.scale = Math.max(this.scale, Math.abs(v));
    }
    if (peaks.channels.every((c) => c.every((v) => Math.abs(v) <= 1))) {
      this.scale = Math.max(0.05, ...peaks.channels.flatMap((c) => c.slice(0, 200_000).map(Math.abs)));
    }
  }

  /** Fits the canvas to its size on the page and to the screen's pixels. */
  resize(): void {
    const ratio = window.devicePixelRatio || 1;
    const { width, height } = this.canvas.getBoundingClientRect();
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
    const bars = Math.max(1, Math.floor(width / (bar + gap)));
    this.levels = this.peaks.channels.slice(0, 2).map((c) => this.reduce(c, bars));
  }

  /** The loudest value within each bar's time, 0 to 1. */
  private reduce(channel: number[], bars: number): number[] {
    const pairs = this.duration() / this.peaks.rate_ms;
    const out = new Array<number>(bars).fill(0);
    for (let i = 0; i < bars; i++) {
      const from = Math.floor((i * pairs) / bars);
      const to = Math.max(from + 1, Math.floor(((i + 1) * pairs) / bars));
      for (let p = from; p < to && p * 2 + 1 < channel.length; p++) {
        out[i] = Math.max(out[i] ?? 0, Math.abs(channel[p * 2] ?? 0), Math.abs(channel[p * 2 + 1] ?? 0));
      }
      // A square root shows quiet speech beside loud speech.
      out[i] = Math.sqrt(Math.max(0, (out[i] ?? 0) / this.scale - quiet));
    }
    return out;
  }

  draw(nowMS: number): void {
    const g = this.canvas.getContext("2d");
    if (!g) return;
    const ratio = window.devicePixelRatio || 1;
    const width = this.canvas.width / ratio;
    const height = this.canvas.height / ratio;
    const style = getComputedStyle(this.canvas);
    const colour = (name: string) => style.getPropertyValue(name);
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    const middle = (height - strip) / 2;
    const at = (nowMS / Math.max(1, this.duration())) * width;
    this.levels.forEach((channel, side) => {
      const played = colour(side === 0 ? "--agent" : "--customer");
      const rest = colour(side === 0 ? "--agent-soft" : "--customer-soft");
      channel.forEach((level, i) => {
        const x = i * (bar + gap);
        const h = Math.max(0.5, level * (middle - 2));
        g.fillStyle = x < at ? played : rest;
        g.fillRect(x, side === 0 ? middle - h : middle + 1, bar, h);
      });
    });
    for (const m of this.marks()) {
      g.fillStyle = colour(m.verdict === "fail" ? "--fail" : m.verdict === "pass" ? "--pass" : "--abstain");
      const x = (m.start / Math.max(1, this.duration())) * width;
      const w = Math.max(3, ((m.end - m.start) / Math.max(1, this.duration())) * width);
      g.fillRect(x, height - strip + 1, w, strip - 1);
    }
    g.fillStyle = colour("--text");
    g.fillRect(Math.min(width - 1.5, at), 0, 1.5, height);
  }
}
