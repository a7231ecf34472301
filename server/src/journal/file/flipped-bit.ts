/** CRC-32 as zlib has it, of each single byte. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** The row of the table by the highest byte of its value, which no two have in common. */
const rowByHighest = new Uint8Array(256);
for (const [row, crc] of table.entries()) rowByHighest[crc >>> 24] = row;

/**
 * Which single bit, turned over, makes up for a difference of checksums.
 *
 * A flipped bit changes a CRC by an amount that depends on nothing but the bit's distance from the end. So
 * the difference is taken back, byte by byte, until it is that of a bit in the byte reached.
 *
 * @param bytes how many bytes the checksum covers
 * @param difference the checksum that they have, XOR the one that they should have; not 0
 * @returns the byte that holds the bit, or undefined if no single bit explains it
 */
export function byteOfFlippedBit(bytes: number, difference: number): number | undefined {
  let rest = difference >>> 0;
  for (let at = bytes - 1; at >= 0; at--) {
    const row = rowByHighest[rest >>> 24] ?? 0;
    const crc = table[row] ?? 0;
    if (rest === crc && (row & (row - 1)) === 0) return at;
    rest = (((rest ^ crc) << 8) | row) >>> 0;
  }
  return undefined;
}
