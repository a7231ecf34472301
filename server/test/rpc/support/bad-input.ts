import type { BadInput } from "./bad-input-words.js";
import { readCases, streamCases, workCases } from "./bad-reads.js";
import {
  submitCases,
  policyCases,
  stageCases,
  taskCases,
  graphCases,
  unsupportedCases,
  unsupportedStageCases,
  sizeCases,
} from "./bad-submits.js";
import { appendCases, sealCases, cancelCases, bulkCases } from "./bad-uploads.js";

export type { BadInput, World } from "./bad-input-words.js";

/** Every call that is implemented here, and what must be refused of it. */
export const badInputs: readonly BadInput[] = [
  ...submitCases,
  ...policyCases,
  ...stageCases,
  ...taskCases,
  ...graphCases,
  ...unsupportedCases,
  ...unsupportedStageCases,
  ...sizeCases,
  ...bulkCases,
  ...appendCases,
  ...sealCases,
  ...cancelCases,
  ...readCases,
  ...streamCases,
  ...workCases,
];
