// Elements, icons, the clipboard: what every part below builds on. The parts are joined into one module.

const el = (tag, props = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null && child !== false));
  return node;
};

const PATHS = {
  send: "M2 8h11M8.5 3.5 13 8l-4.5 4.5",
  stop: "M4 4h8v8H4z",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  check: "M3 8.5 6.5 12 13 4.5",
  insert: "M2.5 3.5h11M2.5 7h11M8 9.5v5M5.5 12h5",
  edit: "M3 13l.6-2.9L10.8 3a1.4 1.4 0 0 1 2 2L5.7 12.3 3 13z",
  again: "M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3",
  fork: "M4 2.5v11M4 9.5c0-3 8-1.5 8-4.500V2.5",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  settings: "M2 4.500h6M12 4.500h2M2 11.500h2M8 11.500h6M10 2.700v3.600M6 9.700v3.600",
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  back: "M10 3.5 5.5 8 10 12.5",
  next: "M6 3.5 10.5 8 6 12.5",
  down: "M8 2.500v10M3.5 8.5 8 13l4.5-4.5",
  dice: "M3 3h10v10H3zM6 6h.01M10 6h.01M8 8h.01M6 10h.01M10 10h.01",
  go: "M3 4l4.5 4L3 12M8.5 4 13 8l-4.5 4",
};

const icon = (name) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `prem-icon prem-icon-${name}`);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
};

const button = (name, label, onclick, props = {}) =>
  el("button", { type: "button", class: "prem-button", title: label, "aria-label": label, "data-icon": name, onclick, ...props }, icon(name));

/** Show for a moment that a button did what it says. */
const confirmOn = (node, label) => {
  const before = node.title;
  node.replaceChildren(icon("check"));
  node.setAttribute("aria-label", label);
  clearTimeout(node.confirmed);
  node.confirmed = setTimeout(() => {
    node.replaceChildren(icon(node.dataset.icon));
    node.setAttribute("aria-label", before);
  }, 1500);
};

const copyText = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No secure context, or no permission: as pages did before there was a clipboard.
    const focused = document.activeElement;
    const area = el("textarea", { "aria-hidden": "true", class: "prem-offscreen" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    focused?.focus?.({ preventScroll: true });
  }
};

/** Give a text to the person as a file. */
const download = (name, mime, bytes) => {
  const url = URL.createObjectURL(new Blob([bytes], { type: mime }));
  const link = el("a", { href: url, download: name, class: "prem-offscreen" });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
};

let lastId = 0;
const uniqueId = (stem) => `prem-${stem}-${Date.now().toString(36)}-${(lastId += 1)}`;

/** Whether a key belongs to an input method that composes a word. */
const composing = (event) => event.isComposing || event.keyCode === 229;

/** Whether a key in a text field sends. */
const sends = (event) => event.key === "Enter" && !event.shiftKey && !event.altKey && !composing(event);

const nextFrame = () => new Promise((resolve) => requestAnimationFrame(() => resolve()));
