import type { CoreFunctions } from "../../../src/engine/core-functions.js";
import type { Engine } from "../../../src/engine/engine-port.js";
import type { Journal } from "../../../src/journal/journal.js";

/** A bug that is put into a master, at one of its seams, to see whether the auditor finds it. */
export interface Plant {
  /** @param real what it is without the bug */
  core?(real: CoreFunctions): CoreFunctions;
  journal?(real: Journal): Journal;
  engine?(real: Engine): Engine;
}

/** The master as it is. */
export const noPlant: Plant = {};
