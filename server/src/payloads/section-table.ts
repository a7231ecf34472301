const NONE = 0xffff_ffff;

/**
 * One row for each journal entry that still has a live blob, dense and reused: where its section
 * lies, how many of its blobs live, and its bytes if they are in memory. Rows with durable bytes in
 * memory form a list from the latest used to the least.
 */
export class SectionTable {
  /** Bytes of sections in memory, and how many sections those are. */
  cachedBytes = 0;
  cachedCount = 0;
  size = 0;
  readonly #free: number[] = [];
  #capacity = 0;
  #rows = 0;
  #entryIndexes = new Float64Array(0);
  #offsets = new Uint32Array(0);
  #lengths = new Uint32Array(0);
  #live = new Uint32Array(0);
  #newer = new Uint32Array(0);
  #older = new Uint32Array(0);
  #linked = new Uint8Array(0);
  #newest = NONE;
  #oldest = NONE;
  readonly #bytes: (Uint8Array | undefined)[] = [];
  readonly #reading: (Promise<Uint8Array> | undefined)[] = [];

  add(entryIndex: number, sectionOffset: number, length: number, live: number): number {
    const slot = this.#free.pop() ?? this.#rows++;
    if (slot >= this.#capacity) this.#grow();
    this.#entryIndexes[slot] = entryIndex;
    this.#offsets[slot] = sectionOffset;
    this.#lengths[slot] = length;
    this.#live[slot] = live;
    this.#linked[slot] = 0;
    this.#bytes[slot] = undefined;
    this.#reading[slot] = undefined;
    this.size += 1;
    return slot;
  }

  entryIndex(slot: number): number {
    return this.#entryIndexes[slot] ?? 0;
  }

  sectionOffset(slot: number): number {
    return this.#offsets[slot] ?? 0;
  }

  sectionLength(slot: number): number {
    return this.#lengths[slot] ?? 0;
  }

  isLive(slot: number): boolean {
    return (this.#live[slot] ?? 0) > 0;
  }

  /** One blob less; true if that was the last one. */
  releaseOne(slot: number): boolean {
    const live = (this.#live[slot] ?? 0) - 1;
    this.#live[slot] = live;
    return live === 0;
  }

  bytes(slot: number): Uint8Array | undefined {
    return this.#bytes[slot];
  }

  setBytes(slot: number, bytes: Uint8Array): void {
    this.#bytes[slot] = bytes;
    this.cachedBytes += bytes.byteLength;
    this.cachedCount += 1;
  }

  dropBytes(slot: number): void {
    const bytes = this.#bytes[slot];
    if (bytes === undefined) return;
    this.cachedBytes -= bytes.byteLength;
    this.cachedCount -= 1;
    this.#bytes[slot] = undefined;
    this.#unlink(slot);
  }

  reading(slot: number): Promise<Uint8Array> | undefined {
    return this.#reading[slot];
  }

  setReading(slot: number, reading: Promise<Uint8Array> | undefined): void {
    this.#reading[slot] = reading;
  }

  /** Gives the row up. Nothing may refer to it any more. */
  remove(slot: number): void {
    this.dropBytes(slot);
    this.#free.push(slot);
    this.size -= 1;
  }

  /** Makes a section the latest used one, and one that may be evicted from now on. */
  touch(slot: number): void {
    if (this.#newest === slot) return;
    this.#unlink(slot);
    this.#linked[slot] = 1;
    this.#newer[slot] = NONE;
    this.#older[slot] = this.#newest;
    if (this.#newest === NONE) this.#oldest = slot;
    else this.#newer[this.#newest] = slot;
    this.#newest = slot;
  }

  isEvictable(slot: number): boolean {
    return this.#linked[slot] === 1;
  }

  /** The least recently used section that may be evicted. */
  leastUsed(): number | undefined {
    return this.#oldest === NONE ? undefined : this.#oldest;
  }

  #unlink(slot: number): void {
    if (this.#linked[slot] !== 1) return;
    this.#linked[slot] = 0;
    const newer = this.#newer[slot] ?? NONE;
    const older = this.#older[slot] ?? NONE;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
  }

  #grow(): void {
    this.#capacity = Math.max(1024, this.#capacity * 2);
    this.#entryIndexes = copied(this.#entryIndexes, new Float64Array(this.#capacity));
    this.#offsets = copied(this.#offsets, new Uint32Array(this.#capacity));
    this.#lengths = copied(this.#lengths, new Uint32Array(this.#capacity));
    this.#live = copied(this.#live, new Uint32Array(this.#capacity));
    this.#newer = copied(this.#newer, new Uint32Array(this.#capacity));
    this.#older = copied(this.#older, new Uint32Array(this.#capacity));
    this.#linked = copied(this.#linked, new Uint8Array(this.#capacity));
  }
}

function copied<T extends Float64Array | Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
