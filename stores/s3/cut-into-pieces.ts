/**
 * Cuts a stream anew, into pieces of exactly `pieceBytes` and a rest; an empty stream has no piece. Holds one piece.
 */
export async function* cutIntoPieces(body: AsyncIterable<Uint8Array>, pieceBytes: number): AsyncGenerator<Uint8Array> {
  let piece: Uint8Array[] = [];
  let held = 0;
  for await (const chunk of body) {
    let rest = chunk;
    while (held + rest.byteLength >= pieceBytes) {
      const cut = pieceBytes - held;
      yield Buffer.concat([...piece, rest.subarray(0, cut)]);
      rest = rest.subarray(cut);
      piece = [];
      held = 0;
    }
    if (rest.byteLength > 0) {
      piece.push(rest);
      held += rest.byteLength;
    }
  }
  if (held > 0) yield Buffer.concat(piece);
}
