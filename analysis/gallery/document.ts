import { hexToBase64, sha256Hex } from "../../core/evidence/sha256.ts";
import { pageFontFace } from "../render/svg-document.ts";
import { Html, markup } from "./markup.ts";
import { styleSheet } from "./style-sheet.ts";

export interface DocumentParts {
  /** In the browser's tab. */
  readonly title: string;
  readonly header: Html;
  readonly main: Html;
  readonly footer: Html;
  readonly script: string;
  /** Where the skip link leads, in words. @default "To the content" */
  readonly skipLabel?: string;
  /** A style sheet beside the page that holds the fonts, for pages that share them. @default they are in the page */
  readonly fontsHref?: string;
  /** Looks for a newer version of itself this often, where it came from a server. @default never */
  readonly refreshSec?: number;
}

/** The rules of a site's shared fonts file. */
export const siteFonts = (): string => pageFontFace("sans", "regular") + pageFontFace("sans", "bold");

/**
 * A whole page. Only the one script whose digest stands in its policy runs, wherever the page is opened from: text of logs
 * could not run even if it got through the escaping.
 */
export function renderDocument(parts: DocumentParts): string {
  const { title, header, main, footer, script, fontsHref, refreshSec, skipLabel = "To the content" } = parts;
  const scriptDigest = hexToBase64(sha256Hex(script));
  const styles = fontsHref === undefined ? "'unsafe-inline'" : "'unsafe-inline' 'self' file:";
  const policy = [
    "default-src 'none'",
    `style-src ${styles}`,
    `script-src 'sha256-${scriptDigest}'`,
    "font-src data:",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    ...(refreshSec === undefined ? [] : ["connect-src 'self'"]),
  ].join("; ");
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${new Html(policy)}">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
${fontsHref === undefined ? undefined : markup`<link rel="stylesheet" href="${fontsHref}">\n`}<style>${new Html((fontsHref === undefined ? siteFonts() : "") + styleSheet)}</style>
</head>
<body${refreshSec === undefined ? undefined : markup` data-refresh="${refreshSec}"`}>
<a class="skip" href="#content">${skipLabel}</a>
<header>${header}</header>
<main id="content">
${main}
</main>
<footer>${footer}</footer>
<script>${new Html(script)}</script>
</body>
</html>
`.text;
}

/** Data for the page's script: JSON that no parser takes for markup. */
export const dataBlock = (name: string, value: unknown): Html =>
  markup`<script type="application/json" data-block="${name}">${new Html(
    JSON.stringify(value).replaceAll("<", "\\u003c"),
  )}</script>`;

/** Labels and values, side by side. */
export const factList = (facts: readonly { readonly label: string; readonly value: string }[]): Html =>
  markup`<dl class="facts">${facts.map(({ label, value }) => markup`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>`;
