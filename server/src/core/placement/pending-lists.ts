import { F64Column, U32Column } from "../state/columns.js";
import type { TaskNo } from "../ids.js";

/**
 * Intrusive lists of pending tasks, one for each place (a host, a rack, anywhere) at which a bag
 * has some. A task stands in several lists at once and leaves them lazily: an entry whose task
 * was granted meanwhile is dropped when it is met, so that each entry is met once and a
 * placement stays flat however long the backlog.
 *
 * Within a list: the largest input first, then the order of submission. Threads whose sizes do
 * not grow are appended at the tail; others are merged, a whole thread at a time.
 */
export class PendingLists {
  readonly #next = new U32Column();
  readonly #task = new U32Column();
  /** The task's delivery when the entry was made: another one means that the entry is dead. */
  readonly #delivery = new U32Column();
  /** Entries are numbered from 1; 0 ends a list. */
  #entryCount = 0;
  #free = 0;

  readonly #head = new U32Column();
  readonly #tail = new U32Column();
  #listCount = 0;
  readonly #freeLists: number[] = [];

  /** Where the thread that is being added stands in each list. */
  readonly #cursor = new U32Column();
  readonly #cursorThread = new F64Column();
  #thread = 0;

  /** Entries in use, dead ones included. */
  entries = 0;

  newList(): number {
    const reused = this.#freeLists.pop();
    if (reused !== undefined) return reused;
    const list = this.#listCount++;
    return list;
  }

  /**
   * Begins a thread: a row of inserts whose sizes do not grow. Each list is then walked at most
   * once for the whole thread.
   */
  beginThread(): void {
    this.#thread += 1;
  }

  /**
   * Adds a task in its place, as part of the thread begun last.
   *
   * @param sizeOf gives the input bytes of a task that stands in the list already
   */
  insert(
    list: number,
    task: TaskNo,
    delivery: number,
    size: number,
    sizeOf: (task: TaskNo) => number,
  ): void {
    const entry = this.#newEntry(task, delivery);
    const tail = this.#tail.get(list);
    if (tail === 0) {
      this.#head.set(list, entry);
      this.#tail.set(list, entry);
      return;
    }
    if (sizeOf(this.#task.get(tail)) >= size) {
      this.#next.set(tail, entry);
      this.#tail.set(list, entry);
      return;
    }
    this.#insertBeforeSmaller(list, entry, size, sizeOf);
  }

  /** The first task of the list that `isLive` accepts; dead entries before it are dropped. */
  first(list: number, isLive: (task: TaskNo, delivery: number) => boolean): TaskNo | undefined {
    let entry = this.#head.get(list);
    while (entry !== 0) {
      const task = this.#task.get(entry);
      if (isLive(task, this.#delivery.get(entry))) {
        this.#head.set(list, entry);
        return task;
      }
      const next = this.#next.get(entry);
      this.#release(entry);
      entry = next;
    }
    this.#head.set(list, 0);
    this.#tail.set(list, 0);
    return undefined;
  }

  /** Drops a list with all that is left in it. */
  drop(list: number): void {
    let entry = this.#head.get(list);
    while (entry !== 0) {
      const next = this.#next.get(entry);
      this.#release(entry);
      entry = next;
    }
    this.#head.set(list, 0);
    this.#tail.set(list, 0);
    this.#freeLists.push(list);
  }

  #insertBeforeSmaller(
    list: number,
    entry: number,
    size: number,
    sizeOf: (task: TaskNo) => number,
  ): void {
    let before = this.#cursorThread.get(list) === this.#thread ? this.#cursor.get(list) : 0;
    let at = before === 0 ? this.#head.get(list) : this.#next.get(before);
    while (at !== 0 && sizeOf(this.#task.get(at)) >= size) {
      before = at;
      at = this.#next.get(at);
    }
    this.#next.set(entry, at);
    if (before === 0) this.#head.set(list, entry);
    else this.#next.set(before, entry);
    if (at === 0) this.#tail.set(list, entry);
    this.#cursor.set(list, entry);
    this.#cursorThread.set(list, this.#thread);
  }

  #newEntry(task: TaskNo, delivery: number): number {
    let entry = this.#free;
    if (entry !== 0) this.#free = this.#next.get(entry);
    else entry = ++this.#entryCount;
    this.entries += 1;
    this.#next.set(entry, 0);
    this.#task.set(entry, task);
    this.#delivery.set(entry, delivery);
    return entry;
  }

  #release(entry: number): void {
    this.#next.set(entry, this.#free);
    this.#free = entry;
    this.entries -= 1;
  }
}
