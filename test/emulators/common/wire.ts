/** A value as it goes over the wire, before it becomes JSON or XML; undefined fields are left out. */
export type Wire = null | boolean | number | string | readonly Wire[] | { readonly [key: string]: Wire | undefined };
export interface WireObject {
  readonly [key: string]: Wire | undefined;
}

export const isWireObject = (value: unknown): value is WireObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A field that holds text; empty where it doesn't. */
export function textAt(object: WireObject, field: string): string {
  const value = object[field];
  return typeof value === "string" ? value : "";
}
