/**
 * Draws one vector page of PDF through the canvas interface that Vega's renderer speaks.
 *
 * Written out here because the canvas library's own PDF falls back to the machine's fonts for a missing character and
 * turns some fonts into Type 3, which ACM, IEEE and USENIX refuse. This one embeds TrueType subsets (CIDFontType2 with
 * ToUnicode, so text can be searched and copied), holds no date or random id, and gives the same bytes everywhere.
 */
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { parseColor } from "./color.ts";
import type { Rgba } from "./color.ts";
import { alignShift, parseCssFont } from "./draw-context.ts";
import type { DrawContext, GradientFill } from "./draw-context.ts";
import { subsetFont } from "./subset-font.ts";
import { setText, typefaceOf } from "./typefaces.ts";
import type { Typeface } from "./typefaces.ts";

export interface PdfPage {
  /** In points, as are all coordinates. */
  readonly width: number;
  readonly height: number;
  readonly title: string;
}

type Matrix = readonly [number, number, number, number, number, number];

/** A piece of the content stream; text waits for its font's subset, which is known when the page is done. */
type Piece = string | ((glyphIn: (typeface: Typeface, codePoint: number) => number) => string);

interface Paint {
  readonly fill: string;
  readonly stroke: string;
  readonly alpha: string;
  readonly line: string;
}

interface State {
  matrix: Matrix;
  font: string;
  textAlign: string;
  fillStyle: string | GradientFill;
  strokeStyle: string | GradientFill;
  globalAlpha: number;
  globalCompositeOperation: string;
  lineWidth: number;
  lineCap: string;
  lineJoin: string;
  miterLimit: number;
  lineDashOffset: number;
  dash: readonly number[];
  /** What the content stream has set last, so that nothing is said twice. */
  painted: Partial<Paint>;
}

class PdfGradient implements GradientFill {
  readonly stops: { readonly offset: number; readonly color: Rgba }[] = [];
  /** Start and end in page coordinates. */
  readonly line: readonly [number, number, number, number];
  constructor(line: readonly [number, number, number, number]) {
    this.line = line;
  }
  addColorStop(offset: number, color: string): void {
    this.stops.push({ offset, color: parseColor(color) ?? { red: 0, green: 0, blue: 0, alpha: 1 } });
  }
}

/** Three decimals are a tenth of a printer's dot. */
const num = (value: number): string => {
  const rounded = Math.round(value * 1000) / 1000;
  return Object.is(rounded, -0) ? "0" : String(rounded);
};

export class PdfContext implements DrawContext {
  readonly #page: PdfPage;
  readonly #pieces: Piece[] = [];
  readonly #stack: State[] = [];
  readonly #alphas = new Map<string, string>();
  readonly #gradients: PdfGradient[] = [];
  readonly #used = new Map<Typeface, Set<number>>();
  #state: State;
  #path: string[] = [];
  #current: readonly [number, number] | undefined;

  constructor(page: PdfPage) {
    this.#page = page;
    this.#state = {
      matrix: [1, 0, 0, 1, 0, 0],
      font: "11px sans-serif",
      textAlign: "left",
      fillStyle: "#000000",
      strokeStyle: "#000000",
      globalAlpha: 1,
      globalCompositeOperation: "source-over",
      lineWidth: 1,
      lineCap: "butt",
      lineJoin: "miter",
      miterLimit: 10,
      lineDashOffset: 0,
      dash: [],
      painted: {},
    };
  }

  get font(): string {
    return this.#state.font;
  }
  set font(font: string) {
    this.#state.font = font;
  }
  get textAlign(): string {
    return this.#state.textAlign;
  }
  set textAlign(align: string) {
    this.#state.textAlign = align;
  }
  get fillStyle(): string | GradientFill {
    return this.#state.fillStyle;
  }
  set fillStyle(style: string | GradientFill) {
    this.#state.fillStyle = style;
  }
  get strokeStyle(): string | GradientFill {
    return this.#state.strokeStyle;
  }
  set strokeStyle(style: string | GradientFill) {
    this.#state.strokeStyle = style;
  }
  get globalAlpha(): number {
    return this.#state.globalAlpha;
  }
  set globalAlpha(alpha: number) {
    this.#state.globalAlpha = alpha;
  }
  get globalCompositeOperation(): string {
    return this.#state.globalCompositeOperation;
  }
  set globalCompositeOperation(operation: string) {
    this.#state.globalCompositeOperation = operation;
  }
  get lineWidth(): number {
    return this.#state.lineWidth;
  }
  set lineWidth(width: number) {
    this.#state.lineWidth = width;
  }
  get lineCap(): string {
    return this.#state.lineCap;
  }
  set lineCap(cap: string) {
    this.#state.lineCap = cap;
  }
  get lineJoin(): string {
    return this.#state.lineJoin;
  }
  set lineJoin(join: string) {
    this.#state.lineJoin = join;
  }
  get miterLimit(): number {
    return this.#state.miterLimit;
  }
  set miterLimit(limit: number) {
    this.#state.miterLimit = limit;
  }
  get lineDashOffset(): number {
    return this.#state.lineDashOffset;
  }
  set lineDashOffset(offset: number) {
    this.#state.lineDashOffset = offset;
  }
  setLineDash(dash: readonly number[]): void {
    this.#state.dash = [...dash];
  }

  save(): void {
    this.#stack.push({ ...this.#state });
    this.#pieces.push("q");
  }
  restore(): void {
    const state = this.#stack.pop();
    if (!state) return;
    this.#state = state;
    this.#pieces.push("Q");
  }
  translate(x: number, y: number): void {
    this.#transform([1, 0, 0, 1, x, y]);
  }
  rotate(angle: number): void {
    this.#transform([Math.cos(angle), Math.sin(angle), -Math.sin(angle), Math.cos(angle), 0, 0]);
  }
  scale(x: number, y: number): void {
    this.#transform([x, 0, 0, y, 0, 0]);
  }
  #transform([a, b, c, d, e, f]: Matrix): void {
    const m = this.#state.matrix;
    this.#state.matrix = [
      m[0] * a + m[2] * b,
      m[1] * a + m[3] * b,
      m[0] * c + m[2] * d,
      m[1] * c + m[3] * d,
      m[0] * e + m[2] * f + m[4],
      m[1] * e + m[3] * f + m[5],
    ];
  }

  /** A point in page coordinates, which start at the bottom left. */
  #toPage(x: number, y: number): readonly [number, number] {
    const m = this.#state.matrix;
    return [m[0] * x + m[2] * y + m[4], this.#page.height - (m[1] * x + m[3] * y + m[5])];
  }
  #point(x: number, y: number): string {
    const [px, py] = this.#toPage(x, y);
    return `${num(px)} ${num(py)}`;
  }
  get #zoom(): number {
    const m = this.#state.matrix;
    return Math.sqrt(Math.abs(m[0] * m[3] - m[1] * m[2]));
  }

  beginPath(): void {
    this.#path = [];
    this.#current = undefined;
  }
  closePath(): void {
    if (this.#path.length > 0) this.#path.push("h");
  }
  moveTo(x: number, y: number): void {
    this.#path.push(`${this.#point(x, y)} m`);
    this.#current = [x, y];
  }
  lineTo(x: number, y: number): void {
    this.#path.push(`${this.#point(x, y)} ${this.#current ? "l" : "m"}`);
    this.#current = [x, y];
  }
  quadraticCurveTo(cx: number, cy: number, x: number, y: number): void {
    const [x0, y0] = this.#current ?? [cx, cy];
    this.bezierCurveTo(
      x0 + (2 / 3) * (cx - x0),
      y0 + (2 / 3) * (cy - y0),
      x + (2 / 3) * (cx - x),
      y + (2 / 3) * (cy - y),
      x,
      y,
    );
  }
  bezierCurveTo(ax: number, ay: number, bx: number, by: number, x: number, y: number): void {
    if (!this.#current) this.moveTo(ax, ay);
    this.#path.push(`${this.#point(ax, ay)} ${this.#point(bx, by)} ${this.#point(x, y)} c`);
    this.#current = [x, y];
  }
  arc(x: number, y: number, radius: number, start: number, end: number, isCounterClockwise = false): void {
    const turn = 2 * Math.PI;
    let sweep = end - start;
    if (isCounterClockwise) sweep = sweep <= -turn ? -turn : -(((-sweep % turn) + turn) % turn);
    else sweep = sweep >= turn ? turn : ((sweep % turn) + turn) % turn;
    this.lineTo(x + radius * Math.cos(start), y + radius * Math.sin(start));
    const parts = Math.max(1, Math.ceil(Math.abs(sweep) / (Math.PI / 2)));
    const step = sweep / parts;
    const reach = (4 / 3) * Math.tan(step / 4) * radius;
    for (let i = 0; i < parts; i++) {
      const [from, to] = [start + i * step, start + (i + 1) * step];
      this.bezierCurveTo(
        x + radius * Math.cos(from) - reach * Math.sin(from),
        y + radius * Math.sin(from) + reach * Math.cos(from),
        x + radius * Math.cos(to) + reach * Math.sin(to),
        y + radius * Math.sin(to) - reach * Math.cos(to),
        x + radius * Math.cos(to),
        y + radius * Math.sin(to),
      );
    }
  }
  rect(x: number, y: number, width: number, height: number): void {
    this.moveTo(x, y);
    this.lineTo(x + width, y);
    this.lineTo(x + width, y + height);
    this.lineTo(x, y + height);
    this.closePath();
  }
  fillRect(x: number, y: number, width: number, height: number): void {
    const path = this.#path;
    this.beginPath();
    this.rect(x, y, width, height);
    this.fill();
    this.#path = path;
  }
  fill(): void {
    if (this.#path.length === 0 || !this.#setFill()) return;
    this.#pieces.push(...this.#path, "f");
  }
  stroke(): void {
    if (this.#path.length === 0 || !this.#setStroke()) return;
    this.#pieces.push(...this.#path, "S");
  }
  clip(): void {
    if (this.#path.length > 0) this.#pieces.push(...this.#path, "W n");
  }

  fillText(text: string, x: number, y: number): void {
    if (this.#setFill()) this.#text(text, x, y, 0);
  }
  strokeText(text: string, x: number, y: number): void {
    if (this.#setStroke()) this.#text(text, x, y, 1);
  }
  #text(text: string, x: number, y: number, mode: 0 | 1): void {
    if (text.length === 0) return;
    const style = parseCssFont(this.#state.font);
    const typeface = typefaceOf(style);
    const used = this.#used.get(typeface) ?? new Set<number>();
    this.#used.set(typeface, used);
    for (const character of text) used.add(character.codePointAt(0) ?? 0);
    const { glyphs, width } = setText(typeface.file, text);
    const perEm = typeface.file.unitsPerEm;
    const left = x - (alignShift(this.#state.textAlign) * width * style.fontSize) / perEm;
    const m = this.#state.matrix;
    const at = `${num(m[0])} ${num(-m[1])} ${num(-m[2])} ${num(m[3])} ${this.#point(left, y)} Tm`;
    this.#pieces.push((glyphIn) => {
      let pen = 0;
      let run = "";
      let shown = "";
      for (const { glyph, codePoint, x: glyphX } of glyphs) {
        const kerning = glyphX - pen;
        if (kerning !== 0) {
          shown += `<${run}>${num((-kerning * 1000) / perEm)}`;
          run = "";
        }
        run += glyphIn(typeface, codePoint).toString(16).padStart(4, "0");
        pen = glyphX + typeface.file.advanceOf(glyph);
      }
      return `BT /${fontName(typeface)} ${num(style.fontSize)} Tf ${mode} Tr ${at} [${shown}<${run}>] TJ ET`;
    });
  }

  createLinearGradient(x1: number, y1: number, x2: number, y2: number): GradientFill {
    const gradient = new PdfGradient([...this.#toPage(x1, y1), ...this.#toPage(x2, y2)]);
    this.#gradients.push(gradient);
    return gradient;
  }
  drawImage(): void {
    throw new TypeError("a figure can't hold bitmap images: draw with marks, so that its PDF stays vector");
  }

  #set(key: keyof Paint, operators: string): void {
    if (this.#state.painted[key] === operators) return;
    // A new object: the saved states share the old one.
    this.#state.painted = { ...this.#state.painted, [key]: operators };
    this.#pieces.push(operators);
  }
  #setColor(key: "fill" | "stroke", style: string | GradientFill): boolean {
    const [space, pattern, rgb] = key === "fill" ? ["cs", "scn", "rg"] : ["CS", "SCN", "RG"];
    let alpha = this.#state.globalAlpha;
    if (typeof style !== "string") {
      const index = this.#gradients.findIndex((gradient) => gradient === style);
      this.#set(key, `/Pattern ${space} /P${index} ${pattern}`);
    } else {
      const color = parseColor(style);
      if (!color) return false;
      alpha *= color.alpha;
      this.#set(key, `${num(color.red)} ${num(color.green)} ${num(color.blue)} ${rgb}`);
    }
    const value = num(alpha);
    const name = this.#alphas.get(value) ?? `A${this.#alphas.size}`;
    this.#alphas.set(value, name);
    this.#set("alpha", `/${name} gs`);
    return alpha > 0;
  }
  #setFill(): boolean {
    return this.#setColor("fill", this.#state.fillStyle);
  }
  #setStroke(): boolean {
    const s = this.#state;
    if (!this.#setColor("stroke", s.strokeStyle)) return false;
    const zoom = this.#zoom;
    const cap = s.lineCap === "round" ? 1 : s.lineCap === "square" ? 2 : 0;
    const join = s.lineJoin === "round" ? 1 : s.lineJoin === "bevel" ? 2 : 0;
    const dash = `[${s.dash.map((length) => num(length * zoom)).join(" ")}] ${num(s.lineDashOffset * zoom)} d`;
    this.#set("line", `${num(s.lineWidth * zoom)} w ${cap} J ${join} j ${num(s.miterLimit)} M ${dash}`);
    return true;
  }

  /** Ends the page. @returns the whole file */
  toPdf(): Buffer {
    const subsets = new Map(
      [...this.#used].map(([typeface, points]) => [typeface, subsetFont(typeface.file, points, "pdf")] as const),
    );
    const glyphIn = (typeface: Typeface, codePoint: number): number =>
      subsets.get(typeface)?.glyphs.get(typeface.file.glyphOf(codePoint)) ?? 0;
    const content = this.#pieces.map((piece) => (typeof piece === "string" ? piece : piece(glyphIn))).join("\n");

    const file = new PdfFile();
    const fonts = [...subsets].map(([typeface, subset]) => {
      const codePoints = [...(this.#used.get(typeface) ?? [])].sort((a, b) => a - b);
      return `/${fontName(typeface)} ${addFont(file, typeface, { ...subset, codePoints, glyphIn })} 0 R`;
    });
    const alphas = [...this.#alphas].map(([value, name]) => `/${name} <</ca ${value} /CA ${value}>>`);
    const patterns = this.#gradients.map((gradient, index) => `/P${index} ${addGradient(file, gradient)} 0 R`);
    const contents = file.addStream("", Buffer.from(content, "latin1"));
    const resources = [
      `/Font <<${fonts.join(" ")}>>`,
      `/ExtGState <<${alphas.join(" ")}>>`,
      ...(patterns.length > 0 ? [`/Pattern <<${patterns.join(" ")}>>`] : []),
    ].join(" ");
    const pages = file.reserve();
    const page = file.add(
      `<</Type /Page /Parent ${pages} 0 R /MediaBox [0 0 ${num(this.#page.width)} ${num(this.#page.height)}] ` +
        `/Resources <<${resources}>> /Contents ${contents} 0 R /Group <</S /Transparency /CS /DeviceRGB>>>>`,
    );
    file.set(pages, `<</Type /Pages /Kids [${page} 0 R] /Count 1>>`);
    const catalog = file.add(`<</Type /Catalog /Pages ${pages} 0 R>>`);
    const info = file.add(`<</Title ${utf16(this.#page.title)} /Producer (reprise)>>`);
    return file.toBuffer(catalog, info);
  }
}

const fontName = ({ family, weight }: Typeface): string => `F${family}${weight}`;

const utf16 = (text: string): string => `<feff${Buffer.from(text, "utf16le").swap16().toString("hex")}>`;

interface EmbeddedFont {
  readonly bytes: Buffer;
  readonly codePoints: readonly number[];
  readonly glyphIn: (typeface: Typeface, codePoint: number) => number;
}

/** @see ISO 32000-1, 9.7 (composite fonts) and 9.10.3 (ToUnicode) */
function addFont(file: PdfFile, typeface: Typeface, { bytes, codePoints, glyphIn }: EmbeddedFont): number {
  const font = typeface.file;
  const toThousand = (units: number): string => num((units * 1000) / font.unitsPerEm);
  // Readers take two subsets of one name for the same font; six letters made from the bytes keep them apart.
  const tag = [...createHash("sha256").update(bytes).digest().subarray(0, 6)]
    .map((byte) => String.fromCharCode(65 + (byte % 26)))
    .join("");
  const name = `/${tag}+${font.postScriptName}`;
  const shown = codePoints
    .map((codePoint) => ({ codePoint, cid: glyphIn(typeface, codePoint) }))
    .filter(({ cid }) => cid !== 0)
    .sort((a, b) => a.cid - b.cid);
  const program = file.addStream(`/Length1 ${bytes.length}`, bytes);
  const descriptor = file.add(
    `<</Type /FontDescriptor /FontName ${name} /Flags ${typeface.family === "serif" ? 6 : 4} /FontBBox ` +
      `[${font.bbox.map(toThousand).join(" ")}] /ItalicAngle 0 /Ascent ${toThousand(font.ascent)} ` +
      `/Descent ${toThousand(font.descent)} /CapHeight ${toThousand(font.capHeight)} ` +
      `/StemV ${typeface.weight === "bold" ? 140 : 80} /FontFile2 ${program} 0 R>>`,
  );
  const widths = shown.map(({ codePoint, cid }) => `${cid} [${toThousand(font.advanceOf(font.glyphOf(codePoint)))}]`);
  const descendant = file.add(
    `<</Type /Font /Subtype /CIDFontType2 /BaseFont ${name} /CIDSystemInfo ` +
      `<</Registry (Adobe) /Ordering (Identity) /Supplement 0>> /FontDescriptor ${descriptor} 0 R ` +
      `/CIDToGIDMap /Identity /DW 1000 /W [${widths.join(" ")}]>>`,
  );
  const hex = (value: number): string => value.toString(16).padStart(4, "0");
  const lines = shown.map(({ codePoint, cid }) => `<${hex(cid)}> <${hex(codePoint)}>`);
  const blocks: string[] = [];
  for (let at = 0; at < lines.length; at += 100) {
    const block = lines.slice(at, at + 100);
    blocks.push(`${block.length} beginbfchar\n${block.join("\n")}\nendbfchar`);
  }
  const toUnicode = file.addStream(
    "",
    Buffer.from(
      "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CIDSystemInfo " +
        "<</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def /CMapName /Adobe-Identity-UCS def /CMapType 2 def\n" +
        `1 begincodespacerange <0000> <ffff> endcodespacerange\n${blocks.join("\n")}\n` +
        "endcmap CMapName currentdict /CMap defineresource pop end end",
    ),
  );
  return file.add(
    `<</Type /Font /Subtype /Type0 /BaseFont ${name} /Encoding /Identity-H ` +
      `/DescendantFonts [${descendant} 0 R] /ToUnicode ${toUnicode} 0 R>>`,
  );
}

/** @see ISO 32000-1, 8.7.4.5.3 (axial shadings) */
function addGradient(file: PdfFile, gradient: PdfGradient): number {
  const stops = [...gradient.stops].sort((a, b) => a.offset - b.offset);
  const rgb = ({ red, green, blue }: Rgba): string => `${num(red)} ${num(green)} ${num(blue)}`;
  const functions = stops.slice(1).map((stop, i) => {
    const from = stops[i] ?? stop;
    return `<</FunctionType 2 /Domain [0 1] /N 1 /C0 [${rgb(from.color)}] /C1 [${rgb(stop.color)}]>>`;
  });
  const bounds = stops.slice(1, -1).map(({ offset }) => num(offset));
  const stitched =
    `<</FunctionType 3 /Domain [0 1] /Functions [${functions.join(" ")}] /Bounds [${bounds.join(" ")}] ` +
    `/Encode [${functions.map(() => "0 1").join(" ")}]>>`;
  return file.add(
    `<</Type /Pattern /PatternType 2 /Shading <</ShadingType 2 /ColorSpace /DeviceRGB ` +
      `/Coords [${gradient.line.map(num).join(" ")}] /Extend [true true] /Function ${stitched}>>>>`,
  );
}

/** Objects, cross-reference table and trailer of a PDF file. */
class PdfFile {
  readonly #objects: (Buffer | undefined)[] = [];
  reserve(): number {
    return this.#objects.push(undefined);
  }
  set(id: number, body: string): void {
    this.#objects[id - 1] = Buffer.from(body, "latin1");
  }
  add(body: string): number {
    return this.#objects.push(Buffer.from(body, "latin1"));
  }
  addStream(entries: string, bytes: Uint8Array): number {
    const packed = deflateSync(bytes, { level: 9 });
    const head = `<<${entries} /Length ${packed.length} /Filter /FlateDecode>>\nstream\n`;
    return this.#objects.push(Buffer.concat([Buffer.from(head), packed, Buffer.from("\nendstream")]));
  }
  toBuffer(catalog: number, info: number): Buffer {
    // The comment's bytes above 127 tell transfer programs that the file is binary.
    const chunks: Buffer[] = [Buffer.from("%PDF-1.5\n%\xe2\xe3\xcf\xd3\n", "latin1")];
    let at = chunks[0]?.length ?? 0;
    const offsets: number[] = [];
    const push = (chunk: Buffer): void => {
      chunks.push(chunk);
      at += chunk.length;
    };
    this.#objects.forEach((body, index) => {
      offsets.push(at);
      push(
        Buffer.concat([Buffer.from(`${index + 1} 0 obj\n`), body ?? Buffer.from("null"), Buffer.from("\nendobj\n")]),
      );
    });
    const id = createHash("sha256").update(Buffer.concat(chunks)).digest("hex").slice(0, 32);
    const startOfTable = at;
    const entries = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`);
    push(
      Buffer.from(
        `xref\n0 ${offsets.length + 1}\n0000000000 65535 f \n${entries.join("")}trailer\n<</Size ${offsets.length + 1} ` +
          `/Root ${catalog} 0 R /Info ${info} 0 R /ID [<${id}> <${id}>]>>\nstartxref\n${startOfTable}\n%%EOF\n`,
      ),
    );
    return Buffer.concat(chunks);
  }
}
