/**
 * A notebook is Markdown whose TypeScript blocks are its cells. It reads as a page anywhere; here its cells are run in order.
 */
export interface NotebookCell {
  readonly kind: "cell";
  /** From 0, among cells. */
  readonly index: number;
  readonly source: string;
  /** The line of the file that its first line is. */
  readonly line: number;
}

export interface NotebookProse {
  readonly kind: "prose";
  readonly text: string;
}

export interface Notebook {
  readonly title: string;
  readonly parts: readonly (NotebookCell | NotebookProse)[];
}

/** Blocks marked `ts` are cells; those marked `ts example`, and all other languages, are only shown. */
const opening = /^(`{3,})ts\s*$/;

export function parseNotebook(text: string): Notebook {
  const parts: (NotebookCell | NotebookProse)[] = [];
  let prose: string[] = [];
  let cell: { readonly fence: string; readonly line: number; readonly lines: string[] } | undefined;
  let other: string | undefined;
  let cells = 0;
  const endProse = (): void => {
    if (prose.join("").trim() !== "") parts.push({ kind: "prose", text: prose.join("\n") });
    prose = [];
  };
  for (const [index, line] of text.replaceAll("\r\n", "\n").split("\n").entries()) {
    if (cell !== undefined) {
      if (line.trimEnd() === cell.fence) {
        parts.push({ kind: "cell", index: cells++, source: cell.lines.join("\n"), line: cell.line });
        cell = undefined;
      } else cell.lines.push(line);
      continue;
    }
    if (other !== undefined) {
      if (line.trimEnd() === other) other = undefined;
      prose.push(line);
      continue;
    }
    const fence = opening.exec(line)?.[1];
    if (fence !== undefined) {
      endProse();
      cell = { fence, line: index + 2, lines: [] };
      continue;
    }
    other = /^(`{3,})/.exec(line)?.[1];
    prose.push(line);
  }
  // A block without an end goes on to the end of the file, as in Markdown.
  if (cell !== undefined) parts.push({ kind: "cell", index: cells, source: cell.lines.join("\n"), line: cell.line });
  endProse();
  const heading = parts.flatMap((part) => (part.kind === "prose" ? [/^# (.+)$/m.exec(part.text)?.[1]] : []))[0];
  return { title: heading ?? "Notebook", parts };
}
