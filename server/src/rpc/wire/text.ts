// A mark at the beginning of a string belongs to the string.
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a string field: the bytes [start, stop), most of them ASCII.
 *
 * @throws RangeError when they are not UTF-8: the generated code would put U+FFFD for what it cannot read, and
 *   two keys that differ would be one
 */
export function readText(bytes: Buffer, start: number, stop: number): string {
  for (let i = start; i < stop; i++) {
    if ((bytes[i] as number) > 0x7f) return decodeStrictly(bytes.subarray(start, stop));
  }
  return bytes.toString("latin1", start, stop);
}

/** Is it text? For a field that is read later, if at all. @throws RangeError as {@link readText} */
export function checkText(bytes: Buffer, start: number, stop: number): void {
  for (let i = start; i < stop; i++) {
    if ((bytes[i] as number) <= 0x7f) continue;
    decodeStrictly(bytes.subarray(start, stop));
    return;
  }
}

/** The decoder throws a TypeError, which elsewhere is a bug; here it is the bytes that are wrong. */
function decodeStrictly(bytes: Buffer): string {
  try {
    return strict.decode(bytes);
  } catch (cause) {
    throw new RangeError("a text is not UTF-8", { cause });
  }
}
