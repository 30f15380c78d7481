// What the page adds to an answer's HTML: tools on code, formulas, and what a keyboard needs.

/** The notebook that the page holds, as JupyterLab and Notebook share it between their parts. */
const notebookOf = (view) => view.model.widget_manager?.context?.model?.sharedModel;

/** The place below the cell of this view: below what was inserted before, so that blocks keep their order. */
const placeBelow = (view, notebook) => {
  const ids = notebook.cells.map((cell) => cell.id);
  const last = ids.indexOf(view.inserted);
  if (last >= 0) return last + 1;
  const cell = view.root.closest(".jp-Notebook .jp-Cell") ?? document.querySelector(".jp-Notebook .jp-Cell.jp-mod-active");
  if (!cell) return ids.length;
  const shown = [...cell.closest(".jp-Notebook").querySelectorAll(".jp-Cell")];
  const index = cell.dataset.windowedListIndex ?? shown.indexOf(cell);
  return Math.min(Number(index) + 1, ids.length);
};

/**
 * Put code into a new cell; returns whether there is a notebook that took it. It goes into the shared document,
 * so undo takes it back; commands that a page may name (data-commandlinker) ask first in a document not trusted.
 */
const insertCell = (view, code) => {
  const notebook = notebookOf(view);
  if (!notebook?.insertCell) return false;
  const cell = notebook.insertCell(placeBelow(view, notebook), { cell_type: "code", source: code, metadata: {} });
  view.inserted = cell.id;
  return true;
};

const codeTools = (view, block) => {
  const pre = block.querySelector("pre");
  const tools = el("div", { class: "prem-code-tools" });
  tools.append(
    button("copy", "Copy code", async (event) => {
      const pressed = event.currentTarget;
      await copyText(pre.textContent);
      confirmOn(pressed, "Copied");
    }),
  );
  if (notebookOf(view)) {
    tools.append(
      button("insert", "Insert as cell", async (event) => {
        const pressed = event.currentTarget;
        const inserted = insertCell(view, pre.textContent);
        if (!inserted) await copyText(pre.textContent);
        confirmOn(pressed, inserted ? "Inserted" : "Copied, since there is no notebook to insert into");
      }),
    );
  }
  block.append(tools);
};

/** Typeset the formulas in an element as the page's own outputs are. */
const typeset = (view, node) => {
  const typesetter = view.model.widget_manager?._rendermime?.latexTypesetter;
  if (typesetter) return typesetter.typeset(node);
  return window.MathJax?.typesetPromise?.([node]);
};

/** Load what typesets before there is anything to typeset: it takes the page a tenth of a second. */
const warmUp = (view) => {
  const formula = el("span", { class: "prem-offscreen mathjax_process", "aria-hidden": "true", text: "\\(x\\)" });
  view.root.append(formula);
  Promise.resolve(typeset(view, formula)).finally(() => formula.remove());
};

/** Typesets blocks when they come near, one a frame: each makes the page measure itself. */
class Formulas {
  constructor(view, root) {
    this.view = view;
    this.queue = [];
    this.near = new IntersectionObserver((seen) => this.seen(seen), { root, rootMargin: "600px 0px" });
  }

  watch(node) {
    const blocks = new Set();
    for (const formula of node.querySelectorAll(".mathjax_process")) {
      let block = formula;
      while (block.parentElement !== node && !block.parentElement.matches(".pm-body, .prem-chunk")) block = block.parentElement;
      blocks.add(block);
    }
    for (const block of blocks) this.near.observe(block);
  }

  seen(entries) {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      this.near.unobserve(target);
      this.queue.push(target);
    }
    if (!this.running && this.queue.length) this.run();
  }

  async run() {
    this.running = true;
    while (this.queue.length) {
      const block = this.queue.shift();
      if (block.isConnected) await typeset(this.view, block);
      await nextFrame();
    }
    this.running = false;
  }
}

const CHUNK = 2_500; // characters of an answer that are laid out together
const CHUNKED = 6_000; // characters of an answer that is laid out in parts

/** Group the blocks of a long answer, so that only those in sight are laid out. */
const chunked = (body) => {
  if (body.textContent.length < CHUNKED) return;
  const chunks = [];
  let size = Infinity;
  for (const block of [...body.children]) {
    if (size > CHUNK) {
      chunks.push(el("div", { class: "prem-chunk" }));
      size = 0;
    }
    size += block.textContent.length;
    chunks.at(-1).append(block);
  }
  body.replaceChildren(...chunks);
};

/** Put an answer's HTML, which the kernel made safe, into its place. */
const place = (view, node, html, { whole = true } = {}) => {
  const parsed = el("template");
  parsed.innerHTML = html;
  const { content } = parsed;
  for (const wide of content.querySelectorAll("pre, .pm-table, .pm-display")) wide.tabIndex = 0;
  if (whole) {
    for (const block of content.querySelectorAll(".pm-code")) codeTools(view, block);
    for (const body of content.querySelectorAll(".pm-body")) chunked(body);
  }
  node.replaceChildren(content);
  if (whole) view.formulas.watch(node);
  else if (node.querySelector(".mathjax_process")) requestAnimationFrame(() => typeset(view, node)); // in time for this frame
};
