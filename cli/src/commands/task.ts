import type { Command } from "commander";
import type { Program } from "./command.js";
import { addTaskGet } from "./task-get.js";
import { addTaskList } from "./task-list.js";

/** `capstan task …` */
export function addTask(root: Command, program: Program): void {
  const task = root.command("task").description("look at the tasks of a job");
  addTaskList(task, program);
  addTaskGet(task, program);
}
