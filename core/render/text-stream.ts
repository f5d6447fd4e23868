/** Longest line kept; what is longer is cut, since a pattern or a number stands at its beginning or not at all. */
const maxLineChars = 1 << 20;

/** Lines of a file as they arrive, without their ends; the last one also without a line break. */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  const take = function* (text: string): Generator<string> {
    let at = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", at)) {
      const line = rest + text.slice(at, end);
      rest = "";
      yield line.endsWith("\r") ? line.slice(0, -1) : line;
      at = end + 1;
    }
    if (rest.length < maxLineChars) rest += text.slice(at);
  };
  for await (const chunk of bytes) yield* take(decoder.decode(chunk, { stream: true }));
  yield* take(decoder.decode());
  if (rest !== "") yield rest;
}

/**
 * Records of a CSV file: quoted fields may hold commas, line breaks and doubled quotes.
 *
 * @see RFC 4180
 */
export async function* csvRecordsOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
  let pending = "";
  for await (const line of linesOf(bytes)) {
    const text = pending === "" ? line : `${pending}\n${line}`;
    // An odd number of quotes: a quoted field goes on in the next line.
    if (countQuotes(text) % 2 === 1 && text.length < maxLineChars) {
      pending = text;
      continue;
    }
    pending = "";
    if (text !== "") yield splitRecord(text);
  }
  if (pending !== "") yield splitRecord(pending);
}

function countQuotes(text: string): number {
  let count = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) count++;
  return count;
}

function splitRecord(line: string): string[] {
  if (!line.includes('"')) return line.split(",");
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (line.charAt(at) === '"') {
      let field = "";
      for (at++; ; at++) {
        const quote = line.indexOf('"', at);
        if (quote < 0) {
          fields.push(field + line.slice(at));
          return fields;
        }
        field += line.slice(at, quote);
        at = quote;
        if (line.charAt(at + 1) !== '"') break;
        field += '"';
        at++;
      }
      const comma = line.indexOf(",", at);
      fields.push(field);
      if (comma < 0) return fields;
      at = comma + 1;
    } else {
      const comma = line.indexOf(",", at);
      if (comma < 0) {
        fields.push(line.slice(at));
        return fields;
      }
      fields.push(line.slice(at, comma));
      at = comma + 1;
    }
  }
}

/** A whole file as text, refused beyond `limit` bytes. */
export async function textOfFile(bytes: AsyncIterable<Uint8Array>, limit: number): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.byteLength;
    if (size > limit) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
