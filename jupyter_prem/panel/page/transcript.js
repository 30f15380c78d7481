// The transcript: turns, an answer on its way, what failed; and where in it the reader is.

const NEAR = 60; // pixels from the end that still count as the end

class Transcript {
  constructor(view) {
    this.view = view;
    this.atEnd = true;
    this.scroller = el("div", { class: "prem-scroller", tabindex: "0", role: "region", "aria-label": "Transcript" });
    view.near = new IntersectionObserver((seen) => this.seen(seen), { root: this.scroller, rootMargin: "1500px 0px" });
    view.formulas = new Formulas(view, this.scroller);
    this.turns = new Turns(view);
    this.answer = new Answer(view);
    this.failed = el("div", { class: "prem-failed", role: "alert", hidden: true });
    this.empty = el("div", { class: "prem-empty" });
    this.content = el("div", { class: "prem-content" }, this.empty, this.turns.node, this.answer.node, this.failed);
    this.scroller.append(this.content);
    this.jump = el(
      "button",
      { type: "button", class: "prem-jump", hidden: true, onclick: () => this.jumpToEnd() },
      icon("down"),
      el("span", { text: "Latest" }),
    );
    this.live = el("div", { class: "prem-offscreen", "aria-live": "polite", role: "status" });
    this.node = el("div", { class: "prem-transcript" }, this.scroller, this.jump, this.live);
    this.scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.scroller.addEventListener("keydown", (event) => this.key(event));
    this.scroller.addEventListener("focusin", (event) => this.focused(event));
    this.scroller.addEventListener("mousedown", (event) => this.focused(event));
    this.growth = new ResizeObserver(() => this.grown());
    this.growth.observe(this.content);
    this.growth.observe(this.scroller);
  }

  show(state, before) {
    const moved = state.frames !== undefined;
    const wasAsking = before?.asking;
    const focused = this.content.contains(document.activeElement);
    this.turns.apply(state.keep, state.add, state.html);
    this.answer.show(state.asking, state.frames);
    this.turns.hideAfter(state.asking ? state.asking.keep : null);
    this.showFailed(state.failed);
    const nothing = !this.turns.items.length && !state.asking && !state.failed;
    this.empty.hidden = !nothing;
    if (nothing) this.empty.textContent = welcome(state.who);
    if (moved || (state.asking && state.asking.id !== wasAsking?.id)) this.toEnd();
    if (!moved && wasAsking && !state.asking && !state.failed) this.announce();
    if (focused && !this.visible(document.activeElement)) this.refocus();
  }

  visible(node) {
    return this.content.contains(node) && !node.closest("[hidden]");
  }

  /** Keep the keyboard near, when what had the focus is gone. */
  refocus() {
    const near = this.answer.node.hidden ? (this.failed.hidden ? this.turns.last?.node : this.failed.querySelector("button")) : this.answer.node;
    (near ?? this.scroller).focus({ preventScroll: true });
  }

  showFailed(failed) {
    const text = JSON.stringify(failed);
    if (text === this.failedText) return;
    this.failedText = text;
    this.failed.hidden = !failed;
    if (!failed) return this.failed.replaceChildren();
    const partial = el("div", { class: "prem-answer" });
    const parts = [];
    if (failed.text) parts.push(el("div", { class: "prem-question", text: failed.text }));
    if (failed.partial) parts.push(partial);
    const say = (type, more) => () => this.view.send(type, more);
    const act = (label, onclick, primary) =>
      el("button", { type: "button", class: `prem-text-button${primary ? " prem-primary" : ""}`, text: label, onclick });
    this.failed.replaceChildren(
      ...parts,
      el("pre", { class: "prem-error", tabindex: "0", text: failed.error }),
      el(
        "div",
        { class: "prem-row" },
        failed.retry && act("Retry", say("retry"), true),
        failed.edit && act("Edit", () => this.putAway({ edit: true })),
        act("Dismiss", () => this.putAway()),
      ),
    );
    if (failed.partial) place(this.view, partial, failed.partial);
    return this.toEnd();
  }

  putAway(more = {}) {
    this.view.composer.field.focus();
    this.view.send("dismiss", more);
  }

  /** Tell a screen reader of the whole answer, once. */
  announce() {
    const says = this.turns.last?.payload?.says;
    if (says) this.live.textContent = `Answer: ${says}`;
  }

  frame(change) {
    return this.answer.change(change);
  }

  seen(entries) {
    const near = entries.filter((entry) => entry.isIntersecting).map((entry) => Number(entry.target.dataset.turn));
    if (near.length) this.turns.want(near);
  }

  /** Only who scrolls up leaves the end: what grows or is typeset moves it too. */
  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    if (scrollHeight - scrollTop - clientHeight < NEAR) this.atEnd = true;
    else if (scrollTop < this.top - 1 && scrollHeight >= this.height) this.atEnd = false;
    this.top = scrollTop;
    this.height = scrollHeight;
    if (this.jump.hidden !== this.atEnd) this.jump.hidden = this.atEnd;
  }

  grown() {
    if (this.atEnd) this.scroller.scrollTop = this.scroller.scrollHeight;
    this.scrolled();
  }

  toEnd() {
    this.atEnd = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.jump.hidden = true;
  }

  jumpToEnd() {
    this.scroller.focus({ preventScroll: true });
    this.toEnd();
  }

  focused(event) {
    const number = Number(event.target.closest?.("[data-turn]")?.dataset.turn ?? NaN);
    const turn = this.turns.known.get(number);
    if (turn) this.turns.setCurrent(turn);
  }

  /** Arrows walk the turns where the text itself has no use for them. */
  key(event) {
    if (event.target !== this.scroller && !event.target.matches(".prem-turn")) return;
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (event.target === this.scroller) this.turns.step(0);
    else this.turns.step(by);
  }

  remove() {
    this.view.near.disconnect();
    this.growth.disconnect();
  }
}

const welcome = ({ model, endpoint, implicit, unanswered }) => {
  if (implicit && unanswered) {
    return (
      "Ask a question. The embedded model answers, since the system's keyring did not answer: "
      + "unlock it, or run %prem login, to use Prem Studio."
    );
  }
  if (implicit) {
    return (
      "Ask a question. The embedded model answers, since no key and no endpoint is set: "
      + "set PREMAI_API_KEY to use Prem Studio."
    );
  }
  return model ? `Ask ${model} a question.` : endpoint ? `Ask a question of ${endpoint}.` : "Ask a question.";
};
