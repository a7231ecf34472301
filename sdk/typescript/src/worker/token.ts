/** How long a lease token is. Bytes. */
export const tokenBytes = 32;

/** A token where it lies: no bytes are made for it, because there are tens of thousands a second. */
export interface TokenPlace {
  readonly view: DataView;
  readonly at: number;
  readonly length: number;
}

/** A view of bytes, for those who read them by the word. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** A token as the key of a map: a hash (FNV-1a, by the word), which several tokens may share. */
export function tokenKey(view: DataView, at: number, length: number): number {
  let key = 0x811c_9dc5 | 0;
  const words = at + (length & ~3);
  let next = at;
  for (; next < words; next += 4) key = Math.imul(key ^ view.getInt32(next), 0x0100_0193);
  for (; next < at + length; next++) key = Math.imul(key ^ view.getUint8(next), 0x0100_0193);
  return key ^ (key >>> 15);
}

/** Whether two tokens are the same. */
export function isSameToken(a: TokenPlace, view: DataView, at: number, length: number): boolean {
  if (a.length !== length) return false;
  const words = length & ~3;
  let i = 0;
  for (; i < words; i += 4) if (a.view.getInt32(a.at + i) !== view.getInt32(at + i)) return false;
  for (; i < length; i++) if (a.view.getUint8(a.at + i) !== view.getUint8(at + i)) return false;
  return true;
}

/** Writes a token of 32 bytes. */
export function copyToken({ view, at }: TokenPlace, into: DataView, to: number): void {
  for (let i = 0; i < tokenBytes; i += 4) into.setInt32(to + i, view.getInt32(at + i));
}

/** The token's bytes: a view, not a copy. */
export function bytesOf({ view, at, length }: TokenPlace): Buffer {
  return Buffer.from(view.buffer, view.byteOffset + at, length);
}
