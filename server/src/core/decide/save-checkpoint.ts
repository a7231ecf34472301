import type { SaveCheckpoint } from "../commands.js";
import type { Context } from "../context.js";
import type { DecisionOn } from "../decision.js";
import { accept } from "../decision.js";
import type { State } from "../state/state.js";
import { factsOf, standing } from "./shared.js";

/** A running task saves where it stands; the next delivery starts from there. */
export function decideSaveCheckpoint(
  state: State,
  command: SaveCheckpoint,
  context: Context,
): DecisionOn<SaveCheckpoint> {
  const found = standing(state, command.token);
  if (found.kind !== "live") return accept({ saved: false });
  const facts = factsOf(found.lease);
  return accept(
    { saved: true },
    [{ type: "checkpoint_saved", version: 1, ...facts, body: context.firstBlob }],
    { keepsBlobs: true },
  );
}
