// The player of a call, and the transcript that goes with it.
import { type Mark, type Peaks, Waveform } from "./waveform";

const jump = 5; // seconds of an arrow key
/** How long after scrolling by hand the transcript stays where it is. */
const scrollRest = 4000;

/** Writes seconds as m:ss, or h:mm:ss from an hour on. */
function clock(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  const m = Math.floor(s / 60) % 60;
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

interface Line {
  el: HTMLElement;
  start: number;
  end: number;
}

export function startPlayer(root: HTMLElement): void {
  new Call(root).start();
}

class Call {
  private readonly audio: HTMLAudioElement | null;
  private readonly player: HTMLElement | null;
  private readonly lines: Line[];
  private wave: Waveform | undefined;
  private current: Line | undefined;
  private scrolledAt = 0;
  private flashTimer = 0;

  constructor(private readonly root: HTMLElement) {
    this.player = root.querySelector(".player");
    this.audio = root.querySelector("audio");
    this.lines = [...root.querySelectorAll<HTMLElement>(".line")].map((el) => ({
      el,
      start: Number(el.dataset.start),
      end: Number(el.dataset.end),
    }));
  }

  start(): void {
    this.root.addEventListener("click", (e) => this.clicked(e));
    if (this.audio && this.player) {
      this.startAudio(this.audio, this.player);
    }
    const at = new URLSearchParams(location.search).get("at");
    if (at !== null) this.show(Number(at) || 0, location.hash.slice(1));
  }

  private startAudio(audio: HTMLAudioElement, player: HTMLElement): void {
    for (const type of ["play", "pause", "ended"]) audio.addEventListener(type, () => this.playing());
    for (const type of ["timeupdate", "seeked", "loadedmetadata"]) audio.addEventListener(type, () => this.moved());
    audio.addEventListener("error", () => this.failed());
    player.addEventListener("change", (e) => {
      const el = e.target;
      if (el instanceof HTMLSelectElement && el.dataset.do === "rate") audio.playbackRate = Number(el.value);
    });
    document.addEventListener("keydown", (e) => this.key(e, audio));
    this.root.querySelector("#lines")?.addEventListener("wheel", () => (this.scrolledAt = Date.now()), { passive: true });
    this.root.querySelector("#lines")?.addEventListener("touchmove", () => (this.scrolledAt = Date.now()), { passive: true });
    void this.loadWave(player, audio);
  }

  private duration(): number {
    const known = this.audio?.duration ?? NaN;
    return Number.isFinite(known) && known > 0 ? known * 1000 : Number(this.root.dataset.duration);
  }

  private async loadWave(player: HTMLElement, audio: HTMLAudioElement): Promise<void> {
    const canvas = player.querySelector("canvas");
    if (!canvas) return;
    let peaks: Peaks;
    try {
      const answer = await fetch(player.dataset.peaks ?? "");
      if (!answer.ok) return;
      peaks = (await answer.json()) as Peaks;
    } catch {
      return; // the call can be heard without its picture
    }
    const wave = new Waveform(canvas, () => this.duration(), peaks, () => this.marks());
    this.wave = wave;
    const redraw = () => {
      wave.resize();
      this.draw();
    };
    new ResizeObserver(redraw).observe(canvas);
    audio.addEventListener("loadedmetadata", redraw);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    document.addEventListener("htmx:after:swap", () => this.draw());
    let held = false;
    const seek = (e: PointerEvent) => {
      const box = canvas.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (e.clientX - box.left) / box.width));
      audio.currentTime = (share * this.duration()) / 1000;
    };
    canvas.addEventListener("pointerdown", (e) => {
      held = true;
      canvas.setPointerCapture(e.pointerId);
      seek(e);
    });
    canvas.addEventListener("pointermove", (e) => held && seek(e));
    canvas.addEventListener("pointerup", () => (held = false));
    canvas.addEventListener("pointercancel", () => (held = false));
    redraw();
  }

  /** Evidence as it stands on the page now: a changed verdict changes its colour. */
  private marks(): Mark[] {
    return [...this.root.querySelectorAll<HTMLElement>(".criterion .evidence")].map((el) => ({
      start: Number(el.dataset.start),
      end: Number(el.dataset.end),
      verdict: el.closest<HTMLElement>(".criterion")?.dataset.verdict ?? "",
    }));
  }

  private clicked(e: MouseEvent): void {
    if (!(e.target instanceof Element)) return;
    const evidence = e.target.closest<HTMLElement>(".evidence");
    if (evidence) {
      this.show(Number(evidence.dataset.start), evidence.dataset.utterance ?? "");
      this.play();
      return;
    }
    const action = e.target.closest<HTMLElement>("[data-do]")?.dataset.do;
    if (action && this.audio) {
      this.control(action, this.audio);
      return;
    }
    const mark = e.target.closest<HTMLAnchorElement>("a.mark");
    if (mark) {
      e.preventDefault();
      const card = document.getElementById(decodeURIComponent(mark.hash.slice(1)));
      card?.scrollIntoView({ block: "center", behavior: "smooth" });
      this.flash(card);
      return;
    }
    const line = e.target.closest<HTMLElement>(".spoken .line");
    // Whoever marks text wants to copy it, not to hear it.
    if (!line || !this.audio || !getSelection()?.isCollapsed || e.target.closest("a")) return;
    this.seek(Number(line.dataset.start));
    this.play();
  }

  private control(action: string, audio: HTMLAudioElement): void {
    if (action === "toggle") this.toggle(audio);
    if (action === "back") audio.currentTime = Math.max(0, audio.currentTime - jump);
    if (action === "forward") audio.currentTime += jump;
  }

  private toggle(audio: HTMLAudioElement): void {
    if (audio.paused) this.play();
    else audio.pause();
  }

  private play(): void {
    // A browser may refuse; its error event or the still-paused button says so.
    this.audio?.play().catch(() => this.playing());
  }

  private seek(ms: number): void {
    if (!this.audio) return;
    this.audio.currentTime = ms / 1000;
    this.scrolledAt = 0;
  }

  /** Goes to an utterance, or to the one spoken at that time, and lights it up. */
  private show(ms: number, id: string): void {
    this.seek(ms);
    const el = document.getElementById(id) ?? this.lineAt(ms)?.el;
    el?.scrollIntoView({ block: "center", behavior: "smooth" });
    this.flash(el ?? null);
  }

  private flash(el: HTMLElement | null): void {
    clearTimeout(this.flashTimer);
    for (const old of this.root.querySelectorAll(".flash")) old.classList.remove("flash");
    el?.classList.add("flash");
    this.flashTimer = window.setTimeout(() => el?.classList.remove("flash"), 2500);
  }

  private key(e: KeyboardEvent, audio: HTMLAudioElement): void {
    if (e.ctrlKey || e.metaKey || e.altKey || !(e.target instanceof Element)) return;
    const slider = e.target.matches(".wave");
    if (!slider && e.target.closest("input, textarea, select, a, summary, [contenteditable]")) return;
    if (e.key === " " && e.target.closest("button")) return;
    const steps: Record<string, () => void> = {
      " ": () => this.toggle(audio),
      ArrowLeft: () => this.control("back", audio),
      ArrowRight: () => this.control("forward", audio),
      ArrowUp: () => this.step(-1),
      ArrowDown: () => this.step(1),
      Home: () => this.seek(0),
    };
    const step = steps[e.key];
    if (!step || (e.key === "Home" && !slider)) return;
    e.preventDefault();
    step();
  }

  private step(by: number): void {
    const now = (this.audio?.currentTime ?? 0) * 1000;
    const here = this.lines.findLastIndex((l) => l.start <= now + 1);
    const to = this.lines[Math.min(this.lines.length - 1, Math.max(0, here + by))];
    if (to) this.seek(to.start);
  }

  private lineAt(ms: number): Line | undefined {
    return this.lines.findLast((l) => l.start <= ms + 1 && ms < l.end + 1000);
  }

  private playing(): void {
    const paused = this.audio?.paused ?? true;
    this.player?.classList.toggle("is-playing", !paused);
    const button = this.player?.querySelector<HTMLElement>("[data-do=toggle]");
    if (button) {
      button.dataset.playLabel ??= button.getAttribute("aria-label") ?? "";
      button.setAttribute("aria-label", (paused ? button.dataset.playLabel : button.dataset.pauseLabel) ?? "");
    }
    this.frame();
  }

  /** Redraws at the screen's pace while the call plays. */
  private frame(): void {
    this.moved();
    if (this.audio && !this.audio.paused) requestAnimationFrame(() => this.frame());
  }

  private moved(): void {
    const now = this.audio?.currentTime ?? 0;
    const text = (key: string, value: string) => {
      const el = this.player?.querySelector(`[data-show=${key}]`);
      if (el && el.textContent !== value) el.textContent = value;
    };
    text("now", clock(now));
    text("length", clock(this.duration() / 1000));
    this.draw();
    const line = this.lineAt(now * 1000);
    if (line === this.current) return;
    this.current?.el.classList.remove("now");
    line?.el.classList.add("now");
    this.current = line;
    const follow = this.player?.querySelector<HTMLInputElement>("[data-do=follow]")?.checked;
    if (line && follow && Date.now() - this.scrolledAt > scrollRest) this.reveal(line.el);
  }

  /** Scrolls the transcript, never the page, so far that the line is seen. */
  private reveal(el: HTMLElement): void {
    const list = this.root.querySelector("#lines");
    if (!list || list.scrollHeight <= list.clientHeight) return;
    const box = list.getBoundingClientRect();
    const line = el.getBoundingClientRect();
    if (line.top >= box.top + 24 && line.bottom <= box.bottom - 60) return;
    list.scrollTo({ top: list.scrollTop + line.top - box.top - box.height / 3, behavior: "smooth" });
  }

  private draw(): void {
    const now = (this.audio?.currentTime ?? 0) * 1000;
    this.wave?.draw(now);
    const canvas = this.player?.querySelector("canvas");
    canvas?.setAttribute("aria-valuenow", String(Math.round(now)));
    canvas?.setAttribute("aria-valuetext", clock(now / 1000));
  }

  private failed(): void {
    const notice = this.player?.querySelector<HTMLElement>("[data-show=error]");
    if (notice) notice.hidden = false;
  }
}
