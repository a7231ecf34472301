/**
 * The worker's side of the master: the PullTasks stream with its sessions, and the two unary calls
 * that do without it. How to serve them: `server.addService(masterService, {...})` with
 * `pullTasks({ sessions, log })` as the handler of the stream; `heartbeat` and `reportFailure` take
 * a request, and throw what `toStatus` knows.
 */
export { heartbeat } from "./heartbeat.js";
export { masterService, pullTasks } from "./pull-tasks.js";
export { protocolVersions } from "./register.js";
export { reportFailure } from "./report-failure.js";
export type { DrainRequest, SessionDirectory, SessionLink, SessionParts } from "./session-parts.js";
export { Session } from "./session.js";
export type { SessionsOptions } from "./sessions.js";
export { Sessions } from "./sessions.js";
