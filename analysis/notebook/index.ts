export { namesOf } from "./cell-names.ts";
export { renderMarkdown } from "./markdown.ts";
export { renderNotebook } from "./notebook-page.ts";
export { CellOutput, toOutput } from "./outputs.ts";
export { parseNotebook } from "./parse-notebook.ts";
export type { Notebook, NotebookCell, NotebookProse } from "./parse-notebook.ts";
export { NotebookCellError, NotebookDataError, runNotebook } from "./run-notebook.ts";
export type { CellTools, NotebookEffects, RanCell, Scope } from "./run-notebook.ts";
