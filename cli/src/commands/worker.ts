import type { Command } from "commander";
import type { Program } from "./command.js";
import { addWorkerList } from "./worker-list.js";

/** `capstan worker …` */
export function addWorker(root: Command, program: Program): void {
  const worker = root.command("worker").description("look at the workers");
  addWorkerList(worker, program);
}
