import {
  SegmentWriter,
  type WriteOutcome,
  type WriterOptions,
  type WriterState,
} from "./segment-writer.js";
import { type Storage } from "./storage.js";

/** A {@link SegmentWriter} as the journal sees it, wherever it runs. Calls are carried out in order. */
export interface Writer {
  open(): Promise<WriterState>;
  /** On `not_written` the body comes back, perhaps in another buffer. */
  append(epoch: number, body: Uint8Array): Promise<AppendReply>;
  truncate(below: number): Promise<number>;
  /** Idempotent. */
  close(): Promise<void>;
}

export type AppendReply =
  | Extract<WriteOutcome, { readonly kind: "durable" }>
  | (Extract<WriteOutcome, { readonly kind: "not_written" }> & { readonly body: Uint8Array });

/** Runs each operation of an inline writer, now or later: a simulator lets the disk take its time. */
export type RunOperation = <T>(operation: () => T) => Promise<T>;

/** The writer without a thread: for a simulated disk, whose time is not the machine's. */
export function inlineWriter(
  storage: Storage,
  options: WriterOptions,
  run: RunOperation = async (operation) => operation(),
): Writer {
  const writer = new SegmentWriter(storage, options);
  return {
    open: () => run(() => writer.open()),
    append: (epoch, body) =>
      run(() => {
        const reply = { body, ...writer.append(epoch, body) };
        writer.settle();
        return reply;
      }),
    truncate: (below) => run(() => writer.truncate(below)),
    close: () => run(() => writer.close()),
  };
}
