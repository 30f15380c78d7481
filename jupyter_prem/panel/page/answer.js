// An answer on its way: pieces, each updated by what is new in it.

class Answer {
  constructor(view) {
    this.view = view;
    this.question = el("div", { class: "prem-question" });
    this.body = el("div", { class: "prem-answer", "aria-busy": "true" });
    this.node = el("article", { class: "prem-turn prem-asking", tabindex: "-1", "aria-label": "Answer on its way", hidden: true }, this.question, this.body);
    this.id = null;
    this.clear();
  }

  clear() {
    this.n = 0;
    this.slots = [];
    this.html = [];
    this.body.replaceChildren();
  }

  /** Show a question and what there is of its answer; null takes both away. */
  show(asking, frames) {
    const id = asking?.id ?? null;
    if (id !== this.id || frames) this.clear();
    this.id = id;
    this.node.hidden = id === null;
    this.question.hidden = !asking?.text;
    this.question.textContent = asking?.text ?? "";
    for (const [slot, html] of (frames?.slots ?? []).entries()) this.put(slot, html);
    this.n = frames?.n ?? this.n;
  }

  /** Take one change; returns whether it follows what is shown. */
  change({ ask, n, slot, keep, add }) {
    if (ask !== this.id || n <= this.n) return true;
    if (n !== this.n + 1) return false;
    this.n = n;
    this.put(slot, (this.html[slot] ?? "").slice(0, keep) + add);
    return true;
  }

  put(slot, html) {
    while (this.slots.length <= slot) {
      const piece = el("div", { class: "prem-piece" });
      this.slots.push(piece);
      this.html.push("");
      this.body.append(piece);
    }
    this.html[slot] = html;
    place(this.view, this.slots[slot], html, { whole: false });
  }
}
