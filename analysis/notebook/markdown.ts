import type { Html } from "../gallery/markup.ts";
import { checkHref, Html as HtmlText, markup } from "../gallery/markup.ts";

/**
 * The Markdown that notebooks are written in: headings, paragraphs, lists, quotes, fenced code, tables, and in them code,
 * emphasis, strong and links. HTML isn't taken over: it shows as text.
 */
export function renderMarkdown(text: string): Html {
  const blocks: Html[] = [];
  const lines = text.split("\n");
  for (let i = 0; i < lines.length;) {
    const line = lines[i] ?? "";
    const fence = /^(`{3,})(\S*)/.exec(line)?.[1];
    const heading = /^(#{1,6})\s+(.+)$/.exec(line);
    if (line.trim() === "") i++;
    else if (fence !== undefined) {
      const end = lines.findIndex((other, n) => n > i && other.trimEnd() === fence);
      const last = end < 0 ? lines.length : end;
      blocks.push(markup`<pre class="code"><code>${lines.slice(i + 1, last).join("\n")}</code></pre>`);
      i = last + 1;
    } else if (heading !== null) {
      const level = heading[1]?.length ?? 1;
      blocks.push(
        markup`${new HtmlText(`<h${level}>`)}${renderInline(heading[2] ?? "")}${new HtmlText(`</h${level}>`)}`,
      );
      i++;
    } else if (/^\s*[-*]\s+/.test(line) || /^\s*\d+\.\s+/.test(line)) {
      const isOrdered = /^\s*\d/.test(line);
      const items: string[] = [];
      for (; i < lines.length && (lines[i] ?? "").trim() !== ""; i++) {
        const item = /^\s*(?:[-*]|\d+\.)\s+(.*)$/.exec(lines[i] ?? "")?.[1];
        if (item !== undefined) items.push(item);
        else items.push(`${items.pop() ?? ""} ${(lines[i] ?? "").trim()}`);
      }
      const list = items.map((item) => markup`<li>${renderInline(item)}</li>`);
      blocks.push(isOrdered ? markup`<ol>${list}</ol>` : markup`<ul>${list}</ul>`);
    } else if (line.startsWith("|") && /^\|[\s:|-]+\|\s*$/.test(lines[i + 1] ?? "")) {
      const from = i;
      while (i < lines.length && (lines[i] ?? "").startsWith("|")) i++;
      blocks.push(renderTable(lines.slice(from, i)));
    } else {
      const isQuote = line.startsWith(">");
      const own: string[] = [];
      for (; i < lines.length && (lines[i] ?? "").trim() !== "" && !/^(?:#{1,6}\s|`{3,})/.test(lines[i] ?? ""); i++)
        own.push((lines[i] ?? "").replace(/^>\s?/, ""));
      const body = markup`<p>${renderInline(own.join(" "))}</p>`;
      blocks.push(isQuote ? markup`<blockquote>${body}</blockquote>` : body);
    }
  }
  return markup`${blocks}`;
}

function renderTable(lines: readonly string[]): Html {
  const cells = (line: string): Html[] =>
    line
      .replace(/^\||\|\s*$/g, "")
      .split("|")
      .map((cell) => renderInline(cell.trim()));
  const [head = "", , ...rows] = lines;
  return markup`<div class="scroll"><table><thead><tr>${cells(head).map((cell) => markup`<th scope="col">${cell}</th>`)}</tr></thead><tbody>${rows.map(
    (row) => markup`<tr>${cells(row).map((cell) => markup`<td>${cell}</td>`)}</tr>`,
  )}</tbody></table></div>`;
}

const inline = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*|\[([^\]]+)\]\(([^)\s]+)\)/g;

function renderInline(text: string): Html {
  const parts: Html[] = [];
  let at = 0;
  for (const match of text.matchAll(inline)) {
    parts.push(markup`${text.slice(at, match.index)}`);
    const [whole, code, strong, emphasis, label, href] = match;
    if (code !== undefined) parts.push(markup`<code>${code}</code>`);
    else if (strong !== undefined) parts.push(markup`<strong>${renderInline(strong)}</strong>`);
    else if (emphasis !== undefined) parts.push(markup`<em>${renderInline(emphasis)}</em>`);
    else if (label !== undefined && href !== undefined)
      parts.push(markup`<a href="${checkHref(href)}">${renderInline(label)}</a>`);
    at = match.index + whole.length;
  }
  parts.push(markup`${text.slice(at)}`);
  return markup`${parts}`;
}
