export interface Rgba {
  /** 0 to 1, as are the others. */
  readonly red: number;
  readonly green: number;
  readonly blue: number;
  readonly alpha: number;
}

const named: Readonly<Record<string, string>> = {
  black: "#000000",
  white: "#ffffff",
  gray: "#808080",
  grey: "#808080",
  red: "#ff0000",
  green: "#008000",
  blue: "#0000ff",
  orange: "#ffa500",
  purple: "#800080",
  brown: "#a52a2a",
  steelblue: "#4682b4",
  firebrick: "#b22222",
  lightgray: "#d3d3d3",
  lightgrey: "#d3d3d3",
  darkgray: "#a9a9a9",
  darkgrey: "#a9a9a9",
};

/** Reads `#rgb`, `#rrggbb`, `#rrggbbaa`, `rgb()`, `rgba()` and a few names; undefined for `transparent` and the unknown. */
export function parseColor(text: string): Rgba | undefined {
  const value = named[text.toLowerCase()] ?? text;
  const hex = /^#([0-9a-f]{3}|[0-9a-f]{6}|[0-9a-f]{8})$/i.exec(value)?.[1];
  if (hex) {
    const wide = hex.length === 3 ? hex.replace(/./g, "$&$&") : hex;
    const channel = (at: number): number => parseInt(wide.slice(at, at + 2), 16) / 255;
    return { red: channel(0), green: channel(2), blue: channel(4), alpha: wide.length === 8 ? channel(6) : 1 };
  }
  const parts = /^rgba?\(\s*([\d.]+)[\s,]+([\d.]+)[\s,]+([\d.]+)(?:[\s,/]+([\d.]+))?\s*\)$/i.exec(value);
  if (!parts) return undefined;
  const [red, green, blue] = parts.slice(1, 4).map((part) => Number(part) / 255);
  return { red: red ?? 0, green: green ?? 0, blue: blue ?? 0, alpha: parts[4] === undefined ? 1 : Number(parts[4]) };
}

/** Relative luminance, 0 (black) to 1 (white): what a grey print keeps of a colour. @see WCAG 2.2, relative luminance */
export function luminanceOf({ red, green, blue }: Rgba): number {
  const linear = (c: number): number => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}
