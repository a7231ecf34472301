import type { WorkerOptions } from "@capstan/sdk";
import type { SubmitterCalls } from "../processes/submitter.js";
import type { WorkerCalls } from "../processes/worker.js";
import { startMasterProcess } from "./master.js";
import { Remote } from "./remote.js";
import type { Scratch } from "./scratch.js";

/** A master, a worker and a submitter, each in a process of its own. */
export interface Fleet {
  /** Where the master's journal lies. */
  readonly folder: string;
  readonly worker: Remote<WorkerCalls>;
  readonly submitter: Remote<SubmitterCalls>;
  close(): Promise<void>;
}

/** Starts the three; the worker's session stands when it returns. */
export async function startFleet(scratch: Scratch, options: WorkerOptions): Promise<Fleet> {
  const master = await startMasterProcess(scratch);
  const { address, folder } = master;
  const worker = new Remote<WorkerCalls>(scratch, "worker");
  const submitter = new Remote<SubmitterCalls>(scratch, "submitter");
  await worker.call("start", { ...options, address });
  await submitter.call("connect", address);
  return {
    folder,
    worker,
    submitter,
    close: async () => {
      await submitter.close();
      await worker.close();
      await master.close();
    },
  };
}
