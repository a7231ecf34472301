import { join } from "node:path";
import type { JournalError } from "@capstan/server";

/** What to do about a snapshot that is damaged: without it all may be there. Undefined: it is no snapshot. */
export function hintOfSnapshot({ place }: JournalError, data: string): string | undefined {
  if (place?.segment.endsWith(".snapshot") !== true) return undefined;
  return (
    `move ${join(data, place.segment)} to another folder and run \`capstan journal verify --data ${data}\`: ` +
    "if the journal is whole without it, nothing is lost and a master starts on it. Else restore the folder from a copy"
  );
}
