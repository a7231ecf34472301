import type { EventOf } from "../events.js";
import { forgetRow } from "../state/retirement.js";
import type { State } from "../state/state.js";

/** Keys whose time is over, and with them the last of their jobs. */
export function applyKeysForgotten(state: State, event: EventOf<"keys_forgotten">): void {
  for (const no of event.jobs) forgetRow(state, no);
}
