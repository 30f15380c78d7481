// Where questions are typed, what they are asked with, and what was used.

const HIGHEST = 240; // pixels that the field grows to

class Composer {
  constructor(view) {
    this.view = view;
    this.field = el("textarea", { rows: "1", class: "prem-field", "aria-label": "Question", placeholder: "Ask a question" });
    this.send = button("send", "Send", () => this.ask(), { class: "prem-button prem-primary prem-send" });
    this.stop = button("stop", "Stop", () => view.send("stop"), { class: "prem-button prem-primary prem-stop", hidden: true });
    this.notice = el("div", { class: "prem-notice", role: "status" });
    this.chips = el("button", { type: "button", class: "prem-chips", "aria-expanded": "false", title: "Settings" });
    this.chips.addEventListener("click", () => this.toggleSettings());
    this.meter = el("span", { class: "prem-meter" });
    this.node = el(
      "div",
      { class: "prem-composer" },
      this.notice,
      el("div", { class: "prem-box" }, this.field, this.send, this.stop),
      el("div", { class: "prem-foot" }, this.chips, this.meter),
    );
    this.field.addEventListener("input", () => this.typed());
    this.field.addEventListener("keydown", (event) => this.key(event));
    this.field.addEventListener("focus", () => warmUp(view), { once: true });
  }

  toggleSettings() {
    this.chips.setAttribute("aria-expanded", String(this.view.settings.toggle()));
  }

  key(event) {
    if (sends(event)) {
      event.preventDefault();
      this.ask();
    } else if (event.key === "Escape" && !this.stop.hidden && !composing(event)) {
      event.preventDefault();
      this.view.send("stop");
    }
  }

  ask() {
    const text = this.field.value;
    if (!text.trim() || this.view.state?.asking || this.view.dead) return;
    this.settle();
    this.touched = false;
    this.field.value = "";
    this.fit();
    this.view.send("ask", { text }, { pending: text });
    this.field.focus();
  }

  typed() {
    this.touched = true;
    this.fit();
    this.timer ??= setTimeout(() => this.keep(), 300);
  }

  /** Have the kernel keep what is typed, for the other views and for later. */
  keep(conversation = this.view.state?.conversation) {
    this.settle();
    const text = this.field.value;
    const done = () => {
      if (this.field.value === text) this.touched = false;
    };
    if (conversation !== undefined) this.view.send("draft", { text, conversation }, { done });
  }

  draft(text) {
    this.settle();
    this.touched = false;
    if (this.field.value === text) return;
    this.field.value = text;
    this.fit();
  }

  /** Put a question back before what is typed. */
  restore(text, { keep = true } = {}) {
    const typed = this.field.value;
    this.draft(typed.trim() ? `${text}\n\n${typed}` : text);
    if (keep) this.keep();
  }

  settle() {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  fit() {
    if (!this.field.scrollHeight) return; // not shown
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight + 2, HIGHEST)}px`;
  }

  show(state) {
    const asking = Boolean(state.asking);
    const focused = [this.send, this.stop].includes(document.activeElement);
    this.send.hidden = asking;
    this.stop.hidden = !asking;
    if (focused) (asking ? this.stop : this.send).focus();
    const set = state.controls
      .filter(({ name }) => name in state.values && name !== "model")
      .map(({ name, label, kind }) => (kind === "switch" ? label : `${label.toLowerCase()} ${state.values[name].trim().replace(/\s+/g, " ")}`));
    const faulty = Object.keys(state.faults).length > 0;
    const who = state.who.model || state.who.endpoint || "model";
    this.chips.replaceChildren(icon("settings"), el("span", { text: [who, ...set].join(" · ") }));
    this.chips.classList.toggle("prem-fault", faulty);
    this.chips.setAttribute("aria-label", `Settings: ${[who, ...set].join(", ")}${faulty ? ", with errors" : ""}`);
    this.showMeter(state.meter);
  }

  showMeter({ used, unknown, budget }) {
    const count = used.toLocaleString("en");
    const parts = [];
    if (budget !== null) {
      const share = budget ? Math.min(used / budget, 1) : 1;
      const bar = el("span", { class: "prem-bar" }, el("span"));
      bar.firstElementChild.style.width = `${100 * share}%`;
      bar.classList.toggle("prem-high", share > 0.9);
      parts.push(bar);
    }
    const limit = budget === null ? "" : ` of ${budget.toLocaleString("en")}`;
    const more = unknown ? ` + ${unknown} unknown` : "";
    parts.push(el("span", { text: `${count}${limit} tokens${more}` }));
    this.meter.title = `Tokens used in this kernel${budget === null ? "" : ", and the budget"}`;
    this.meter.replaceChildren(...parts);
  }
}
