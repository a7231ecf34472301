import type { Engine } from "../engine/engine-port.js";
import type { History } from "../history/history.js";

/** Who has the bytes of tasks. */
export interface PayloadSources {
  readonly engine: Engine;
  readonly history?: History | undefined;
}

const noBytes: Uint8Array = new Uint8Array(0);

/**
 * The bytes of a blob that a view speaks of. The view may be a moment old: a job that left the core
 * meanwhile has taken its bytes along, and then history has them.
 *
 * @param blob 0: none
 * @throws HistoryError when history cannot be asked
 */
export async function payloadOf(
  { engine, history }: PayloadSources,
  blob: number,
): Promise<Uint8Array> {
  if (blob === 0) return noBytes;
  if (history === undefined || engine.hasPayload(blob)) return engine.payload(blob);
  const bytes = await history.payload(blob);
  if (bytes === undefined)
    throw new Error(`blob ${blob} is neither in the core nor in the history`);
  return bytes;
}
