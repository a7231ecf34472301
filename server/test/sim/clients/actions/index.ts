import type { Client } from "../client.js";
import { cancel } from "./cancel.js";
import { getJob, getTask, list, readOutputs, watch } from "./read.js";
import { submitAgain, submitMany, submitOne, submitOther } from "./submit.js";
import { upload } from "./upload.js";

/** What clients do, and how often. Another one is a function and a line here. */
export const actions = [
  { weight: 60, run: submitOne },
  { weight: 60, run: submitMany },
  { weight: 6, run: submitAgain },
  { weight: 6, run: submitOther },
  { weight: 14, run: upload },
  { weight: 8, run: cancel },
  { weight: 8, run: getJob },
  { weight: 6, run: getTask },
  { weight: 4, run: list },
  { weight: 10, run: readOutputs },
  { weight: 8, run: watch },
] as const satisfies readonly {
  readonly weight: number;
  readonly run: (client: Client) => Promise<void>;
}[];

const total = actions.reduce((sum, { weight }) => sum + weight, 0);

export function act(client: Client): Promise<void> {
  let left = client.random.below(total);
  for (const { weight, run } of actions) {
    if (left < weight) return run(client);
    left -= weight;
  }
  return Promise.resolve();
}
