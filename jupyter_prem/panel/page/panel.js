// One view of a panel. The kernel holds what is so; a view shows it, and says what a person does.

const PATIENCE = 700; // milliseconds until a page says that the kernel is busy
const QUIET = 3000; // milliseconds without a word until it asks whether it missed one

class View {
  constructor(model, host) {
    this.model = model;
    this.id = uniqueId("view");
    this.heardAt = performance.now();
    this.state = null;
    this.dead = false;
    this.pending = new Map();
    this.transcript = new Transcript(this);
    this.settings = new Settings(this);
    this.composer = new Composer(this);
    this.header = new Header(this);
    this.root = el(
      "div",
      { class: "prem-panel", role: "group", "aria-label": "Chat" },
      this.header.node,
      this.settings.node,
      this.transcript.node,
      this.composer.node,
    );
    host.append(this.root);
    this.root.addEventListener("keydown", (event) => this.key(event));
    // JupyterLab's shortcuts run before any handler of the page's, unless what has the focus says no.
    this.root.addEventListener("focusin", (event) => event.target.setAttribute("data-lm-suppress-shortcuts", "true"));
    // JupyterLab 4.6 keeps line breaks out of every field in a cell, by a listener on the field itself.
    this.root.addEventListener("beforeinput", (event) => event.stopPropagation(), { capture: true });
    this.outside = (event) => {
      if (!this.header.node.contains(event.target)) this.header.open(false);
    };
    document.addEventListener("mousedown", this.outside);
    this.leaving = () => this.send("bye");
    window.addEventListener("pagehide", this.leaving);
    this.heard = (message, buffers) => this.hear(message, buffers);
    this.closed = () => this.die();
    model.on("msg:custom", this.heard);
    model.on("comm_live_update", this.closed);
    const begin = model.get("_begin");
    if (begin?.type === "state") this.show({ ...begin, first: true });
    this.greet(300);
    this.checking = setInterval(() => this.check(), QUIET / 2);
  }

  /** Jupyter Server drops words when there are too many at once: ask, where one is waited for. */
  check() {
    const waits = this.pending.size > 0 || this.state?.asking;
    const quiet = performance.now() - this.heardAt > QUIET;
    const fresh = ({ type, at }) => type === "check" && performance.now() - at < 4 * QUIET;
    if (!this.met || !waits || !quiet || [...this.pending.values()].some(fresh)) return;
    this.send("check", { number: this.state.number });
  }

  /** Say hello until the kernel has heard: JupyterLab's first words come before it has made a subshell. */
  greet(wait) {
    if (this.met || wait > 5000) return;
    this.send("hello", { page: PAGE });
    this.greeting = setTimeout(() => this.greet(2 * wait), wait);
  }

  /** Tell the kernel; `done` is called when it has heard, `pending` is shown while it has not. */
  send(type, more = {}, { done, pending } = {}) {
    if (this.dead) return;
    const id = uniqueId("said");
    const quietly = ["bye", "draft", "check"].includes(type);
    const timer = quietly ? null : setTimeout(() => this.waits(), PATIENCE);
    this.pending.set(id, { type, timer, done, text: pending, at: performance.now() });
    const failed = () => this.unsent(id);
    try {
      const sent = this.model.send({ type, id, view: this.id, conversation: this.state?.conversation, ...more });
      sent?.catch?.(failed);
    } catch {
      failed();
    }
  }

  /** There is no kernel that hears: what was to be asked goes back into the field. */
  unsent(id) {
    const said = this.pending.get(id);
    if (!said) return;
    clearTimeout(said.timer);
    this.pending.delete(id);
    if (said.text) this.composer.restore(said.text, { keep: false });
    this.flash("There is no kernel to hear this.", 8000);
  }

  hear(message, buffers) {
    if (message.view !== undefined && message.view !== this.id) return;
    this.heardAt = performance.now();
    const act = {
      state: () => this.show(message),
      frame: () => {
        if (!this.transcript.frame(message)) this.resync();
      },
      html: () => this.transcript.turns.load(message.html),
      draft: () => {
        if (message.from !== this.id) this.composer.draft(message.text);
      },
      restore: () => this.composer.restore(message.text),
      suggest: () => this.settings.suggested(message),
      transcript: () => keepTranscript(this, message),
      notice: () => this.flash(message.text, 8000),
      file: () => this.file(message, buffers),
      done: () => this.heardBy(message.id),
    }[message.type];
    act?.();
  }

  show(state) {
    if (state.base !== null && state.base !== this.state?.number) {
      this.resync();
      return;
    }
    if (state.base === null) this.syncing = false;
    this.met = !state.first;
    const before = this.state;
    state.controls ??= before.controls;
    this.state = state;
    const moved = before && state.conversation !== before.conversation;
    if (this.composer.touched && moved) this.composer.keep(before.conversation);
    const typing = this.composer.touched && !moved;
    if (state.draft !== undefined && !state.first && !typing) this.composer.draft(state.draft);
    const focused = this.root.contains(document.activeElement);
    this.header.show(state);
    this.settings.show(state);
    this.composer.show(state);
    this.transcript.show(state, before);
    if (state.first) this.state = { ...state, number: null };
    if (focused && (!this.root.contains(document.activeElement) || document.activeElement.closest("[hidden]"))) {
      this.composer.field.focus({ preventScroll: true });
    }
  }

  /** Ask for everything, since something was missed. */
  resync() {
    if (this.syncing) return;
    this.syncing = true;
    this.send("hello", { page: PAGE });
  }

  /** The kernel has heard this, and so what was said before. */
  heardBy(id) {
    if (!this.pending.has(id)) return;
    for (const [other, said] of [...this.pending]) {
      clearTimeout(said.timer);
      this.pending.delete(other);
      said.done?.();
      if (other === id) break;
    }
    if (this.waiting && ![...this.pending.values()].some(({ late }) => late)) {
      this.waiting = false;
      this.say("");
    }
  }

  waits() {
    for (const said of this.pending.values()) said.late ??= said.timer !== null;
    if (this.dead) return;
    this.waiting = true;
    const asked = [...this.pending.values()].find(({ text }) => text)?.text;
    this.say(asked ? `Waiting for the running cell to end, then asking: ${asked.slice(0, 200)}` : "Waiting for the running cell to end.");
  }

  say(text) {
    if (!this.dead) this.composer.notice.textContent = text;
  }

  file({ name, mime, copy }, buffers) {
    const bytes = new Uint8Array(buffers[0].buffer ?? buffers[0], buffers[0].byteOffset ?? 0, buffers[0].byteLength);
    if (copy) copyText(new TextDecoder().decode(bytes)).then(() => this.flash("Copied."));
    else download(name, mime, bytes);
  }

  flash(text, time = 2000) {
    this.say(text);
    setTimeout(() => {
      if (this.composer.notice.textContent === text) this.say("");
    }, time);
  }

  /** The kernel is gone, and with it what this view shows the state of. */
  die() {
    if (this.dead) return;
    this.say("The kernel has restarted. Run this cell again to go on.");
    this.dead = true;
    const unanswered = [this.state?.asking?.text, ...[...this.pending.values()].map(({ text }) => text)];
    for (const text of new Set(unanswered.filter(Boolean))) this.composer.restore(text, { keep: false });
    this.root.classList.add("prem-dead");
    this.transcript.answer.node.classList.add("prem-ended");
    this.composer.field.readOnly = true;
    this.composer.send.disabled = true;
    this.composer.stop.disabled = true;
  }

  key(event) {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "s") {
      event.preventDefault();
      this.model.widget_manager?.context?.save?.();
    }
  }

  remove() {
    this.met = true;
    clearInterval(this.checking);
    clearTimeout(this.greeting);
    this.send("bye");
    for (const { timer } of this.pending.values()) clearTimeout(timer);
    this.model.off("msg:custom", this.heard);
    this.model.off("comm_live_update", this.closed);
    document.removeEventListener("mousedown", this.outside);
    window.removeEventListener("pagehide", this.leaving);
    this.transcript.remove();
    this.formulas.near.disconnect();
    this.root.remove();
  }
}

export default {
  render({ model, el: host }) {
    const view = new View(model, host);
    return () => view.remove();
  },
};
