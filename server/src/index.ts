/** The package's front door: start a master in this process. */
export { defaultAddress, startMaster } from "./main.js";
export type { Master, MasterOptions } from "./main.js";
export { isWithin, masterRanges } from "./master-ranges.js";
export type { Range } from "./master-ranges.js";
export { readFileJournal } from "./journal/file/survey.js";
export { verifyJournal } from "./verify-journal.js";
export type {
  JournalSurvey,
  SurveyedEntry,
  SurveyedSegment,
  SurveyedSnapshot,
} from "./journal/file/survey.js";
export { JournalError } from "./journal/journal-error.js";
export type { JournalErrorKind, JournalPlace } from "./journal/journal-error.js";
export { routeGrpcLog } from "./rpc/grpc-log.js";
export type { Log } from "./rpc/log.js";
export { jsonLog } from "./telemetry/log.js";
export { startTracing, type Tracing } from "./telemetry/tracing.js";
