/** The bytes of a file, with room to grow. */
export class Contents {
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;

  static of(bytes: Uint8Array): Contents {
    const contents = new Contents();
    contents.write(0, bytes);
    return contents;
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** What lies between the end and `position`, if anything, reads as zeros. */
  write(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length;
    if (end > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(end, this.#buffer.length * 2, 512));
      this.bytes.copy(larger);
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, position);
    this.#length = Math.max(this.#length, end);
  }

  truncate(size: number): void {
    if (size > this.#length) this.write(size - 1, new Uint8Array(1));
    this.#buffer.fill(0, size, this.#length);
    this.#length = size;
  }

  copy(): Contents {
    return Contents.of(this.bytes);
  }
}

/** A change that was made and not synced. */
type Change =
  | { readonly kind: "write"; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly size: number };

/** What a power cut leaves of what was not synced, in the files as in the folder. */
export type PowerCut =
  | { readonly kind: "none_of_it" }
  | { readonly kind: "all_of_it" }
  /**
   * Pieces of 512 bytes arrive or not, each by a draw of its own, so that later ones may be there and
   * earlier ones not. Of those that do not, what is new in the file may read as zeros; what overwrites something
   * leaves that as it was. So with names: each change of them arrives or not.
   */
  | { readonly kind: "some_sectors"; readonly random: () => number }
  /** Of each write a beginning arrives, to the byte; what follows of it is as it was, or zeros where nothing was. */
  | { readonly kind: "some_bytes"; readonly random: () => number };

const SECTOR_BYTES = 512;

/** A file: what is on the platter, what the process sees, and the changes between the two. */
export class Inode {
  platter = new Contents();
  visible = new Contents();
  #pending: Change[] = [];

  static of(bytes: Uint8Array): Inode {
    const inode = new Inode();
    inode.platter = Contents.of(bytes);
    inode.visible = Contents.of(bytes);
    return inode;
  }

  write(position: number, bytes: Buffer): void {
    this.visible.write(position, bytes);
    this.#pending.push({ kind: "write", position, bytes });
  }

  truncate(size: number): void {
    this.visible.truncate(size);
    this.#pending.push({ kind: "truncate", size });
  }

  sync(): void {
    for (const change of this.#pending) carryOut(change, this.platter);
    this.#pending = [];
  }

  /** The kernel takes what it could not write for written: it is seen until it leaves the cache. */
  dropPending(): void {
    this.#pending = [];
  }

  /** What is neither on the platter nor waiting to go there is seen no more. */
  evict(): void {
    this.visible = this.platter.copy();
    for (const change of this.#pending) carryOut(change, this.visible);
  }

  flipBit(byte: number, bit: number): void {
    for (const { bytes } of [this.platter, this.visible])
      bytes[byte] = (bytes[byte] ?? 0) ^ (1 << bit);
  }

  cutPower(cut: PowerCut): void {
    if (cut.kind !== "none_of_it") {
      const had = this.platter.length;
      for (const change of this.#pending) carryOutSome(change, this.platter, had, cut);
    }
    this.#pending = [];
    this.visible = this.platter.copy();
  }
}

function carryOut(change: Change, contents: Contents): void {
  if (change.kind === "write") contents.write(change.position, change.bytes);
  else contents.truncate(change.size);
}

/** @param had how many bytes the platter had before any of the changes */
function carryOutSome(
  change: Change,
  contents: Contents,
  had: number,
  cut: Exclude<PowerCut, { kind: "none_of_it" }>,
): void {
  if (cut.kind === "all_of_it") {
    carryOut(change, contents);
  } else if (change.kind === "truncate") {
    if (cut.random() < 0.5) carryOut(change, contents);
  } else if (cut.kind === "some_sectors") {
    writeSectors(change, contents, had, cut.random);
  } else {
    const { position, bytes } = change;
    const arrived = Math.floor(cut.random() * (bytes.length + 1));
    const isZeroed = cut.random() < 0.5;
    if (isZeroed) writeZeros(contents, had, position, bytes.length);
    contents.write(position, bytes.subarray(0, arrived));
  }
}

function writeSectors(
  { position, bytes }: Extract<Change, { kind: "write" }>,
  contents: Contents,
  had: number,
  random: () => number,
): void {
  for (let at = 0; at < bytes.length;) {
    const room = SECTOR_BYTES - ((position + at) % SECTOR_BYTES);
    const sector = bytes.subarray(at, at + room);
    const draw = random();
    if (draw < 0.5) contents.write(position + at, sector);
    else if (draw < 0.7) writeZeros(contents, had, position + at, sector.length);
    at += sector.length;
  }
}

/** Room that was found for new bytes, which never came. Where there were some, they stay. */
function writeZeros(contents: Contents, had: number, position: number, length: number): void {
  const from = Math.max(position, had);
  const end = position + length;
  if (end > from) contents.write(from, Buffer.alloc(end - from));
}
