import { dataLoss, JournalError } from "../journal-error.js";
import { parseSegmentName, SEGMENT_SUFFIX } from "./format.js";
import { type Storage } from "./storage.js";

/**
 * First indexes of the segments in a folder, ascending.
 *
 * @throws JournalError `data_loss` if a file is named like a segment and is none; `failed` if the folder cannot
 *   be read
 */
export function segmentsIn(storage: Storage, directory: string): number[] {
  const firstIndexes: number[] = [];
  for (const name of namesIn(storage, directory)) {
    if (!name.endsWith(SEGMENT_SUFFIX)) continue;
    const firstIndex = parseSegmentName(name);
    if (firstIndex === undefined) {
      throw dataLoss("a file is named like a segment and is none", { segment: name });
    }
    firstIndexes.push(firstIndex);
  }
  return firstIndexes.sort((a, b) => a - b);
}

function namesIn(storage: Storage, directory: string): string[] {
  try {
    return storage.list(directory);
  } catch (cause) {
    throw new JournalError("failed", `the journal's folder ${directory} cannot be read`, { cause });
  }
}
