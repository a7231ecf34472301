import type { State } from "../core/index.js";
import { apply } from "../core/index.js";
import { decodeEntry } from "../journal/entry/index.js";
import type { Journal } from "../journal/journal.js";
import type { PayloadStore } from "../payloads/payload-store.js";

/** Where a replay has come to. */
export interface Replayed {
  /** Journal time of the last entry; 0 when there was none. */
  readonly lastNow: number;
  readonly nextBlob: number;
  readonly entries: number;
  readonly events: number;
}

/**
 * Is told how far a replay is, before its first entry and with each.
 *
 * @param at index of the entry that has come; `first` - 1 before there is one
 */
export type ReplayListener = (at: number, first: number, last: number) => void;

/** What stood before the first entry that is read: nothing, or what a snapshot says. */
export type ReplayBase = Pick<Replayed, "lastNow" | "nextBlob">;

const nothingBefore: ReplayBase = { lastNow: 0, nextBlob: 1 };

/**
 * Rebuilds the state from the journal: the same appliers as live, nothing decided.
 *
 * @param from index of the first entry to read
 * @param base what state and payloads hold already
 * @param onEntry is told of each entry as it comes
 * @throws JournalError if the journal is damaged or of a newer format
 */
export async function replay(
  journal: Pick<Journal, "read">,
  from: number,
  state: State,
  payloads: PayloadStore,
  base: ReplayBase = nothingBefore,
  onEntry: (index: number) => void = () => undefined,
): Promise<Replayed> {
  let { lastNow, nextBlob } = base;
  let entries = 0;
  let events = 0;
  for await (const { index, body } of journal.read(from)) {
    onEntry(index);
    if (body.byteLength === 0) continue;
    const entry = decodeEntry(body);
    const { stamp, firstBlob, lengths, sectionOffset, section } = entry;
    for (const event of entry.events) {
      apply(state, event, stamp);
      events += 1;
    }
    // It is read from where it can be read back.
    payloads.markDurable(index);
    payloads.add(index, sectionOffset, firstBlob, lengths, section);
    for (const blob of state.takeFreed()) payloads.release(blob);
    lastNow = Math.max(lastNow, stamp.now);
    nextBlob = Math.max(nextBlob, firstBlob + lengths.length);
    entries += 1;
  }
  return { lastNow, nextBlob, entries, events };
}
