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

/** Typeset formulas as the page's own outputs are, a block at a time so that the page stays quick. */
const typeset = async (view, node) => {
  const blocks = new Set();
  for (const formula of node.querySelectorAll(".mathjax_process")) {
    let block = formula;
    while (block.parentElement !== node && !block.parentElement.classList.contains("pm-body")) block = block.parentElement;
    blocks.add(block);
  }
  if (!blocks.size) return;
  const typesetter = view.model.widget_manager?._rendermime?.latexTypesetter;
  for (const block of blocks) {
    if (!block.isConnected) continue;
    if (typesetter) await typesetter.typeset(block);
    else if (window.MathJax?.typesetPromise) await window.MathJax.typesetPromise([block]);
    else return;
    await nextFrame();
  }
};

/** Put an answer's HTML, which the kernel made safe, into its place. */
const place = (view, node, html, { whole = true } = {}) => {
  node.innerHTML = html;
  for (const wide of node.querySelectorAll("pre, .pm-table, .pm-display")) wide.tabIndex = 0;
  if (whole) for (const block of node.querySelectorAll(".pm-code")) codeTools(view, block);
  typeset(view, node);
};
