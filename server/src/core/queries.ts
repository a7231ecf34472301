/** Reads for those who ask. Views are copies: nothing in them changes later. */
export * from "./queries/assignment.js";
export * from "./queries/jobs.js";
export * from "./queries/master.js";
export * from "./queries/obstacles.js";
export * from "./queries/outputs.js";
export * from "./queries/tasks.js";
export * from "./queries/workers.js";
