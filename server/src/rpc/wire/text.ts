// A mark at the beginning of a string belongs to the string.
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a string field: the bytes [start, stop), most of them ASCII.
 *
 * @throws TypeError when they are not UTF-8: the generated code would put U+FFFD for what it cannot read, and
 *   two keys that differ would be one
 */
export function readText(bytes: Buffer, start: number, stop: number): string {
  for (let i = start; i < stop; i++) {
    if ((bytes[i] as number) > 0x7f) return strict.decode(bytes.subarray(start, stop));
  }
  return bytes.toString("latin1", start, stop);
}
