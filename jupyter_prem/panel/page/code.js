// What the page adds to an answer's HTML: tools on code, formulas, and what a keyboard needs.

/** Run a command of JupyterLab's, if this page is one: it listens for clicks on what names a command. */
const runCommand = (command, args = {}) => {
  const link = el("button", {
    type: "button",
    class: "prem-offscreen",
    "aria-hidden": "true",
    tabindex: "-1",
    "data-commandlinker-command": command,
    "data-commandlinker-args": JSON.stringify(args),
  });
  document.body.append(link);
  link.click();
  link.remove();
};

const sharedNotebook = (model) => model.widget_manager?.context?.model?.sharedModel;

/** Put code into a new cell below the active one; returns whether there is a notebook that took it. */
const insertCell = async (model, code) => {
  const notebook = sharedNotebook(model);
  if (!notebook?.cells) return false;
  const before = notebook.cells.length;
  runCommand("notebook:insert-cell-below");
  for (let waited = 0; waited < 20 && notebook.cells.length === before; waited += 1) await nextFrame();
  if (notebook.cells.length === before) return false;
  runCommand("notebook:replace-selection", { text: code });
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
  if (sharedNotebook(view.model)) {
    tools.append(
      button("insert", "Insert as cell", async (event) => {
        const pressed = event.currentTarget;
        const inserted = await insertCell(view.model, pre.textContent);
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
