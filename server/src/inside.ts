/**
 * A second door, for the benches of this repository alone: parts of the master without a master around them.
 * No part of the package's contract; what it opens may change with any commit.
 */
export type {
  Command,
  CoreEvent,
  Decision,
  JobSpec,
  LeaseToken,
  State,
  TaskDraft,
} from "./core/index.js";
export {
  annotate,
  apply,
  checkInvariants,
  decide,
  defaultSettings,
  newState,
  placementRound,
  queries,
} from "./core/index.js";
export { systemClock } from "./engine/clock.js";
export { MasterEngine } from "./engine/engine.js";
export { Blobs } from "./engine/engine-port.js";
export { systemDraw } from "./engine/random.js";
export { replay } from "./engine/replay.js";
export { decodeEntry } from "./journal/entry/index.js";
export { openFileJournal } from "./journal/file/file-journal.js";
export { nodeStorage } from "./journal/file/node-storage.js";
export { SnapshotFiles } from "./journal/file/snapshot-files.js";
export { PayloadStore } from "./payloads/payload-store.js";
export { startFromSnapshots } from "./snapshots/start.js";
export { stateDigest } from "./snapshots/state-digest.js";
