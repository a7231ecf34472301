import type { Command } from "commander";
import type { Program } from "./command.js";
import { addJobCancel } from "./job-cancel.js";
import { addJobGet } from "./job-get.js";
import { addJobList } from "./job-list.js";
import { addJobOutputs } from "./job-outputs.js";
import { addJobRun } from "./job-run.js";
import { addJobSubmit } from "./job-submit.js";
import { addJobWatch } from "./job-watch.js";

/** `capstan job …` */
export function addJob(root: Command, program: Program): void {
  const job = root.command("job").description("run jobs and look at them");
  addJobRun(job, program);
  addJobSubmit(job, program);
  addJobList(job, program);
  addJobGet(job, program);
  addJobWatch(job, program);
  addJobCancel(job, program);
  addJobOutputs(job, program);
}
