/** What JSON can say. State inputs and outputs, records and handler payloads are of this type until a schema parsed them. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}
