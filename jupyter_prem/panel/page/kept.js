// What the saved notebook keeps of a panel, where the kernel's outputs find their cell no more.

const PAGE = uniqueId("page");

/**
 * Put the transcript into the outputs of the panel's cell. JupyterLab routes an output to the execution that it
 * belongs to; a page that was loaded since then knows of none, and would drop it.
 */
const keepTranscript = (view, { home, model, data, metadata, mark }) => {
  if (home === PAGE) return;
  const cells = notebookOf(view)?.cells ?? [];
  const shows = (output) => output.data?.["application/vnd.jupyter.widget-view+json"]?.model_id === model;
  const holds = (output) => output.metadata?.jupyter_prem?.transcript === mark;
  for (const cell of cells) {
    const outputs = cell.getOutputs?.() ?? [];
    if (!outputs.some(shows)) continue;
    const place = outputs.findIndex(holds);
    const kept = { output_type: "display_data", metadata, data };
    const [start, end] = place < 0 ? [outputs.length, outputs.length] : [place, place + 1];
    cell.updateOutputs(start, end, [kept]);
  }
};
