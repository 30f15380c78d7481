// The exchanges of a conversation, each an article; what one says is fetched when it comes near.

const LONG = 1_500; // characters of a question that are shown unfolded

class Turn {
  constructor(view, number) {
    this.view = view;
    this.number = number;
    this.payload = null;
    this.node = el("article", { class: "prem-turn prem-unloaded", tabindex: "-1", "data-turn": number });
  }

  /** Its place among the turns beside it, and how far down it is. */
  set({ place: at, count, index }) {
    this.at = at;
    this.count = count;
    this.node.setAttribute("aria-label", `Exchange ${index + 1}`);
    if (this.payload) this.drawTools();
  }

  load(payload) {
    this.payload = payload;
    this.node.classList.remove("prem-unloaded");
    this.question = el("div", { class: "prem-question", text: payload.text });
    if (payload.role) this.question.dataset.role = payload.role;
    this.answer = el("div", { class: "prem-answer" });
    this.tools = el("div", { class: "prem-tools" });
    const parts = [el("div", { class: "prem-asked" }, this.question, this.unfold())];
    if (payload.html) parts.push(this.answer);
    this.node.replaceChildren(...parts, this.tools);
    if (payload.html) place(this.view, this.answer, payload.html);
    this.drawTools();
    this.reachable(this.node.classList.contains("prem-current"));
  }

  unfold() {
    if (this.payload.text.length <= LONG) return null;
    this.question.classList.add("prem-folded");
    const toggle = el("button", { type: "button", class: "prem-link", text: "Show all", "aria-expanded": "false" });
    toggle.addEventListener("click", () => {
      const folded = this.question.classList.toggle("prem-folded");
      toggle.textContent = folded ? "Show all" : "Show less";
      toggle.setAttribute("aria-expanded", String(!folded));
    });
    return toggle;
  }

  drawTools() {
    const { view, payload, number } = this;
    const focused = this.tools.contains(document.activeElement) ? document.activeElement.dataset.tool : null;
    const tool = (name, glyph, label, act, props = {}) => button(glyph, label, act, { "data-tool": name, ...props });
    const said = (type, more = {}) => () => view.send(type, { turn: number, ...more });
    const parts = [];
    if (this.count > 1) {
      parts.push(
        el(
          "span",
          { class: "prem-branches", role: "group", "aria-label": `Version ${this.at} of ${this.count}` },
          tool("back", "back", "Version before", said("branch", { step: -1 }), { disabled: this.at === 1 }),
          el("span", { text: `${this.at}/${this.count}` }),
          tool("next", "next", "Version after", said("branch", { step: 1 }), { disabled: this.at === this.count }),
        ),
      );
    }
    if (!payload.role && payload.raw !== null) parts.push(tool("edit", "edit", "Edit and ask again", () => this.edit()));
    if (!payload.role) {
      parts.push(
        tool("copy", "copy", "Copy answer", async (event) => {
          const pressed = event.currentTarget;
          await copyText(this.answer.innerText);
          confirmOn(pressed, "Copied");
        }),
        tool("again", "again", "Ask again", said("regenerate")),
      );
    }
    parts.push(tool("fork", "fork", "Go on from here in a new conversation", said("fork")));
    if (payload.cut && this.node.matches(":last-child")) parts.push(tool("go", "go", "Continue this answer", said("continue")));
    if (payload.cell !== null) parts.push(el("span", { class: "prem-cell", text: `cell [${payload.cell}]` }));
    this.tools.replaceChildren(...parts);
    if (focused) (this.tools.querySelector(`[data-tool="${focused}"]:enabled`) ?? this.node).focus({ preventScroll: true });
    this.reachable(this.node.classList.contains("prem-current"));
  }

  /** Give up an edit, because the turn is gone; its words go on in the composer. */
  leave() {
    const area = this.node.querySelector(".prem-edit");
    const asked = this.payload?.raw ?? this.payload?.text;
    if (area && area.value.trim() && area.value !== asked) this.view.composer.restore(area.value);
  }

  edit() {
    const open = this.node.querySelector(".prem-edit");
    if (open) return open.focus();
    const area = el("textarea", { class: "prem-edit", "aria-label": "Edit the question", rows: "2" });
    area.value = this.payload.raw ?? this.payload.text;
    const asked = this.question.parentElement;
    const end = () => {
      asked.replaceChildren(...before);
      this.tools.querySelector('[data-tool="edit"]')?.focus();
    };
    const ask = () => {
      if (!area.value.trim()) return;
      if (this.view.state.asking) {
        this.view.flash("Another answer is on its way.");
        return;
      }
      this.view.send("regenerate", { turn: this.number, text: area.value }, { pending: area.value });
      end();
    };
    const before = [...asked.childNodes];
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !composing(event)) {
        event.stopPropagation();
        end();
      } else if (sends(event)) {
        event.preventDefault();
        ask();
      }
    });
    const buttons = el(
      "div",
      { class: "prem-row" },
      el("button", { type: "button", class: "prem-text-button prem-primary", text: "Ask", onclick: ask }),
      el("button", { type: "button", class: "prem-text-button", text: "Cancel", onclick: end }),
    );
    asked.replaceChildren(area, buttons);
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
    return undefined;
  }

  /** Of a thousand turns, Tab stops at the buttons of one. */
  reachable(yes) {
    this.node.classList.toggle("prem-current", yes);
    for (const node of this.node.querySelectorAll("button, pre, .pm-table, .pm-display, a, summary")) node.tabIndex = yes ? 0 : -1;
  }
}

class Turns {
  constructor(view) {
    this.view = view;
    this.node = el("div", { class: "prem-turns" });
    this.items = [];
    this.known = new Map();
    this.current = null;
    this.wanted = new Set();
    this.asked = new Set();
  }

  /** Keep so many turns of the list and add others. */
  apply(keep, add, html) {
    const gone = new Set(this.items.slice(keep).map(([number]) => number));
    this.items = [...this.items.slice(0, keep), ...add];
    for (const [number] of add) gone.delete(number);
    for (const number of gone) {
      const { node } = this.known.get(number);
      this.known.get(number).leave();
      this.view.near.unobserve(node);
      node.remove();
      this.known.delete(number);
      this.wanted.delete(number);
    }
    add.forEach(([number, at, count], offset) => {
      const turn = this.known.get(number) ?? new Turn(this.view, number);
      this.known.set(number, turn);
      const index = keep + offset;
      const here = this.node.children[index];
      if (here !== turn.node) this.node.insertBefore(turn.node, here ?? null);
      turn.set({ place: at, count, index });
      if (!turn.payload) this.view.near.observe(turn.node);
    });
    this.load(html ?? {});
    const before = this.last;
    this.last = this.known.get(this.items.at(-1)?.[0]) ?? null;
    for (const turn of [before, this.last]) if (turn?.payload && turn.node.isConnected) turn.drawTools();
    if (!this.current?.node.isConnected || this.current === before) this.setCurrent(this.last);
  }

  load(html) {
    for (const [number, payload] of Object.entries(html)) {
      const turn = this.known.get(Number(number));
      this.wanted.delete(Number(number));
      this.asked.delete(Number(number));
      if (!turn || turn.payload) continue;
      this.view.near.unobserve(turn.node);
      turn.load(payload);
    }
    this.fetch();
  }

  /** Ask for what these say, a few at a time. */
  want(numbers) {
    for (const number of numbers) if (this.known.get(number) && !this.known.get(number).payload) this.wanted.add(number);
    this.fetch();
  }

  fetch() {
    if (this.asked.size || !this.wanted.size) return;
    const numbers = [...this.wanted].slice(-20);
    this.asked = new Set(numbers);
    this.view.send("html", { turns: numbers }, { done: () => this.fetched(numbers) });
  }

  fetched(numbers) {
    for (const number of numbers) this.asked.delete(number);
    this.fetch();
  }

  /** Hide what follows the first `keep` turns, which an answer on its way replaces. */
  hideAfter(keep) {
    this.items.forEach(([number], index) => {
      const { node } = this.known.get(number);
      const hidden = keep !== null && index >= keep;
      if (node.hidden !== hidden) node.hidden = hidden;
    });
  }

  setCurrent(turn) {
    if (turn === this.current) return;
    if (this.current?.payload) this.current.reachable(false);
    this.current = turn;
    if (turn?.payload) turn.reachable(true);
    else turn?.node.classList.add("prem-current");
  }

  /** Move the keyboard to the turn above or below. */
  step(by) {
    const index = this.items.findIndex(([number]) => number === this.current?.number);
    const next = this.known.get(this.items[Math.min(Math.max(index + by, 0), this.items.length - 1)]?.[0]);
    if (!next) return;
    this.setCurrent(next);
    next.node.focus();
  }
}
