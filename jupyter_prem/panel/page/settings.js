// Every parameter as a control: what is unset shows what then holds, and one click unsets it.

class Control {
  constructor(view, about) {
    this.view = view;
    this.about = about;
    this.id = uniqueId(about.name);
    this.help = el("span", { class: "prem-help", id: `${this.id}-help` });
    this.unset = button("close", `Unset ${about.label}`, () => this.clear(), { class: "prem-button prem-unset", hidden: true });
    this.input = this.field();
    this.input.id = this.id;
    this.input.setAttribute("aria-describedby", this.help.id);
    this.node = el(
      "div",
      { class: `prem-control prem-control-${about.kind}`, "data-control": about.name },
      el("label", { for: this.id, text: about.label }),
      el("div", { class: "prem-row" }, this.slider, this.input, this.dice, this.unset),
      this.help,
    );
  }

  field() {
    const { kind, choices, low } = this.about;
    const changed = () => this.set(this.value());
    if (kind === "switch") return el("input", { type: "checkbox", onchange: changed });
    if (kind === "lines") return el("textarea", { rows: "1", onchange: changed, spellcheck: "false" });
    if (kind === "choice") {
      const options = ["", ...choices].map((value) => el("option", { value, text: value || "unset" }));
      return el("select", { onchange: changed }, ...options);
    }
    if (kind === "number" && low !== undefined) this.slider = this.range();
    if (this.about.name === "seed") {
      this.dice = button("dice", "Draw a seed", () => this.set(String(crypto.getRandomValues(new Uint32Array(1))[0] >>> 1)));
    }
    const input = el("input", { type: "text", autocomplete: "off", spellcheck: "false", onchange: changed });
    if (kind === "number") input.inputMode = "decimal";
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.set(this.value());
    });
    if (kind === "text" && this.about.name !== "name") this.suggest(input);
    return input;
  }

  range() {
    const { low, high, step, label } = this.about;
    const slider = el("input", { type: "range", min: low, max: high, step, "aria-label": `${label}, slider` });
    slider.addEventListener("input", () => {
      this.input.value = slider.value;
    });
    slider.addEventListener("change", () => this.set(slider.value));
    return slider;
  }

  /** Offer what it may be; any text may be typed. */
  suggest(input) {
    this.list = el("datalist", { id: uniqueId("list") });
    input.setAttribute("list", this.list.id);
    input.addEventListener("focus", () => this.view.send("suggest", { name: this.about.name }));
    this.offer(this.about.choices ?? []);
    queueMicrotask(() => this.node.append(this.list));
  }

  offer(values) {
    this.list?.replaceChildren(...values.map((value) => el("option", { value })));
  }

  value() {
    if (this.about.kind === "switch") return this.input.checked ? "on" : null;
    return this.input.value.trim() ? this.input.value : null;
  }

  clear() {
    this.input.focus();
    this.set(null);
  }

  set(value) {
    if ((value ?? "") === (this.shown ?? "")) return;
    this.view.send("set", { name: this.about.name, value });
  }

  /** Show what holds: a value, or what is so where none is set. */
  show(value, fault, standing) {
    const { kind, help } = this.about;
    const changed = value !== this.shown;
    this.shown = value;
    if (kind === "switch") this.input.checked = Boolean(value);
    else if (changed || document.activeElement !== this.input) this.input.value = value ?? "";
    this.input.placeholder = standing ?? "";
    if (this.slider) {
      const number = Number(value ?? standing);
      this.slider.value = Number.isFinite(number) ? number : (this.about.low + this.about.high) / 2;
      this.slider.classList.toggle("prem-is-unset", value === undefined);
    }
    this.unset.hidden = value === undefined || kind === "switch" || kind === "choice";
    this.node.classList.toggle("prem-is-set", value !== undefined);
    if (fault) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
    this.help.textContent = fault ?? help;
    this.help.classList.toggle("prem-fault", Boolean(fault));
  }
}

class Settings {
  constructor(view) {
    this.view = view;
    this.controls = new Map();
    this.node = el("section", { class: "prem-settings", "aria-label": "Settings", hidden: true });
    this.node.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !composing(event)) view.composer.toggleSettings();
    });
    this.system = el("textarea", { rows: "2", id: uniqueId("system"), placeholder: "none" });
    this.system.addEventListener("change", () => this.setSystem(this.system.value));
    this.systemUnset = button("close", "Keep the system message as it was", () => this.keepSystem(), { hidden: true });
    this.systemHelp = el("span", { class: "prem-help", id: `${this.system.id}-help` });
    this.system.setAttribute("aria-describedby", this.systemHelp.id);
  }

  setSystem(text) {
    this.view.send("set", { name: "system", value: text });
  }

  keepSystem() {
    this.systemUnset.hidden = true;
    this.system.blur();
    this.view.composer.chips.focus();
    this.setSystem(null);
  }

  build(controls) {
    const groups = new Map();
    for (const about of controls) {
      const control = new Control(this.view, about);
      this.controls.set(about.name, control);
      if (!groups.has(about.group)) groups.set(about.group, []);
      groups.get(about.group).push(control.node);
    }
    const system = el(
      "div",
      { class: "prem-control prem-control-system" },
      el("label", { for: this.system.id, text: "System message" }),
      el("div", { class: "prem-row" }, this.system, this.systemUnset),
      this.systemHelp,
    );
    const sections = [...groups].map(([name, nodes]) =>
      el("fieldset", {}, el("legend", { text: name }), ...(name === "Conversation" ? [system] : []), ...nodes),
    );
    this.node.replaceChildren(...sections);
  }

  show(state) {
    if (!this.controls.size) this.build(state.controls);
    for (const about of state.controls) {
      this.controls.get(about.name).show(state.values[about.name], state.faults[about.name], about.default);
    }
    const set = state.systemSet !== null;
    if (document.activeElement !== this.system) this.system.value = set ? state.systemSet : state.system;
    this.systemUnset.hidden = !set;
    this.systemHelp.textContent = set ? "from the next question on" : "of this conversation";
  }

  suggested({ name, values }) {
    this.controls.get(name)?.offer(values);
  }

  toggle(open = this.node.hidden) {
    this.node.hidden = !open;
    if (open) this.node.querySelector("input, select, textarea")?.focus();
    else this.view.composer.chips.focus();
    return open;
  }
}
