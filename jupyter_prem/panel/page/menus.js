// The line above the transcript: which conversation, and what can be done with it.

class Header {
  constructor(view) {
    this.view = view;
    this.select = el("select", { class: "prem-select", "aria-label": "Conversation" });
    this.select.addEventListener("change", () => this.go(this.select.value));
    this.create = button("plus", "New conversation", () => this.name());
    this.toggle = button("more", "More", () => this.open(this.menu.hidden), { "aria-expanded": "false", "aria-haspopup": "true" });
    this.menu = el("div", { class: "prem-menu", role: "group", "aria-label": "More", hidden: true });
    const move = (how) => () => view.send("move", { how });
    const save = (kind, copy = false) => () => view.send("export", { kind, copy });
    this.undo = this.item("Undo", move("undo"));
    this.redo = this.item("Redo", move("redo"));
    this.menu.append(
      this.undo,
      this.redo,
      this.item("Start afresh", move("reset")),
      el("hr"),
      this.item("Copy as Markdown", save("md", true)),
      this.item("Export as Markdown", save("md")),
      this.item("Export as JSON", save("json")),
      this.item("Export as notebook", save("ipynb")),
    );
    this.menu.addEventListener("keydown", (event) => this.key(event));
    this.menu.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !this.menu.contains(event.relatedTarget) && event.relatedTarget !== this.toggle) this.open(false);
    });
    this.naming = el("input", { class: "prem-naming", type: "text", "aria-label": "Name of the new conversation", placeholder: "Name", hidden: true });
    this.naming.addEventListener("keydown", (event) => this.named(event));
    this.naming.addEventListener("blur", () => this.unname());
    this.node = el(
      "div",
      { class: "prem-header" },
      this.select,
      this.naming,
      this.create,
      el("span", { class: "prem-space" }),
      el("div", { class: "prem-anchor" }, this.toggle, this.menu),
    );
  }

  item(label, act) {
    return el("button", {
      type: "button",
      class: "prem-item",
      text: label,
      onclick: () => {
        this.open(false);
        this.toggle.focus();
        act();
      },
    });
  }

  open(yes) {
    this.menu.hidden = !yes;
    this.toggle.setAttribute("aria-expanded", String(yes));
    if (yes) this.menu.querySelector("button:enabled").focus();
  }

  key(event) {
    const items = [...this.menu.querySelectorAll("button:enabled")];
    const index = items.indexOf(document.activeElement);
    const to = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      items.at(to % items.length).focus();
    } else if (event.key === "Escape") {
      event.stopPropagation();
      this.open(false);
      this.toggle.focus();
    }
  }

  go(name) {
    this.view.composer.keep();
    this.view.send("switch", { name });
  }

  name() {
    this.naming.hidden = false;
    this.select.hidden = true;
    this.create.hidden = true;
    const taken = new Set((this.view.state?.conversations ?? []).map(([name]) => name));
    let count = 1;
    while (taken.has(`chat-${count}`)) count += 1;
    this.naming.value = `chat-${count}`;
    this.naming.focus();
    this.naming.select();
  }

  named(event) {
    if (sends(event) && this.naming.value.trim()) {
      event.preventDefault(); // or the line break goes into the field that has the focus then
      this.go(this.naming.value.trim());
      this.unname();
      this.view.composer.field.focus();
    } else if (event.key === "Escape" && !composing(event)) {
      event.stopPropagation();
      this.unname();
      this.create.focus();
    }
  }

  unname() {
    this.naming.hidden = true;
    this.select.hidden = false;
    this.create.hidden = false;
  }

  show(state) {
    const names = JSON.stringify(state.conversations);
    if (names !== this.names) {
      this.names = names;
      this.select.replaceChildren(...state.conversations.map(([name, shown]) => el("option", { value: name, text: shown })));
    }
    this.select.value = state.conversation;
    this.undo.disabled = !state.undo;
    this.redo.disabled = !state.redo;
  }
}
