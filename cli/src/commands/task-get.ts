import type { DeliveryRecord, TaskDetail, TaskRecord } from "@capstan/sdk";
import type { Command } from "commander";
import { filled } from "../arguments.js";
import { failureText } from "../output/failures.js";
import { ago, amounts, length, moment, number, safe, size, words } from "../output/human.js";
import { causeText, widthOf } from "../output/job-view.js";
import { serialize } from "../output/plain.js";
import { taskState } from "../output/states.js";
import { facts, table, type Cell } from "../output/table.js";
import type { Session, Side } from "../session.js";
import { examples, type Program } from "./command.js";

interface GetFlags {
  readonly content?: boolean;
}

/** `capstan task get` */
export function addTaskGet(parent: Command, program: Program): void {
  parent
    .command("get")
    .description("show a task with its deliveries and failures")
    .argument("<task>", "the task's id, job/stage/index", filled)
    .option("--content", "also its payload, inputs and demand")
    .addHelpText(
      "after",
      examples("capstan task get JOB/main/7", "capstan task get JOB/main/7 --content"),
    )
    .action((taskId: string, flags: GetFlags, command: Command) =>
      program.connected(command, (session) => get(session, taskId, flags)),
    );
}

async function get(session: Session, taskId: string, flags: GetFlags): Promise<void> {
  const { client, out, settings, surroundings } = session;
  const detail = await client.getTask(taskId, { includeContent: flags.content === true });
  if (settings.output === "table") out.line(taskDetails(detail, out, surroundings.now()));
  else await out.write(await serialize(detail, settings.output));
}

function taskDetails(detail: TaskDetail, side: Side, now: number): string {
  const parts = [taskFacts(detail, side, now)];
  if (detail.content !== undefined) parts.push(contentText(detail.content, side));
  if (detail.deliveries.length > 0) parts.push(deliveryTable(detail, side, now));
  const failures = detail.deliveries.flatMap(({ failure }) => failure ?? []);
  const { lastFailure } = detail.task;
  // A failure may outlive its delivery here: the middle of a long history is left out.
  const shown = failures.length > 0 || lastFailure === undefined ? failures : [lastFailure];
  for (const failure of shown) {
    const heading = failure.delivery === 0 ? "Failure" : `Failure of delivery ${failure.delivery}`;
    const isFinal = detail.task.state === "failed" && failure.delivery === lastFailure?.delivery;
    parts.push(`${heading}:\n${failureText(failure, side.palette, { stack: true, isFinal })}`);
  }
  return parts.join("\n\n");
}

function attemptText({ attempt, maxAttempts, state }: TaskRecord): string {
  const ended = state === "failed" && attempt < maxAttempts ? " (not retried)" : "";
  return `${attempt} of ${maxAttempts}${ended}`;
}

function taskFacts({ task }: TaskDetail, { palette }: Side, now: number): string {
  const progress = task.progress === undefined ? "" : `${Math.floor(task.progress * 100)} %`;
  const records = [
    task.recordCount === undefined ? "" : `${number(task.recordCount)} in all`,
    task.pendingRecordCount === 0 ? "" : `${number(task.pendingRecordCount)} to be done again`,
    task.deadRecordCount === 0 ? "" : `${number(task.deadRecordCount)} failed`,
  ];
  return facts(
    [
      ["Task", task.taskId],
      ["Type", task.taskType],
      ["State", taskState(task, palette)],
      ["Cause", causeText(task.cause)],
      ["Ready in", task.readyInMs === undefined ? "" : length(task.readyInMs)],
      ["Attempt", attemptText(task)],
      ["Deliveries", number(task.deliveryCount)],
      ["Generation", task.generation === 1 ? "" : String(task.generation)],
      ["Worker", task.workerId],
      ["Progress", [progress, task.progressNote].filter((part) => part !== "").join(" ")],
      ["Records", records.filter((part) => part !== "").join(", ")],
      ["Dead letter", task.deadLetterId],
      ["First leased", task.firstLeasedAt === undefined ? "" : moment(task.firstLeasedAt, now)],
      ["Finished", task.finishedAt === undefined ? "" : moment(task.finishedAt, now)],
    ],
    palette,
  );
}

function contentText(content: NonNullable<TaskDetail["content"]>, { palette }: Side): string {
  const inputs = content.inputs.map(({ uri, offsetBytes = 0, sizeBytes = 0, hosts = [] }) => {
    const end = sizeBytes === 0 ? "the end" : String(offsetBytes + sizeBytes);
    return `${uri} (bytes ${offsetBytes} to ${end}${hosts.length === 0 ? "" : `, on ${hosts.join(", ")}`})`;
  });
  return facts(
    [
      ["Demand", amounts(content.demand)],
      ["Inputs", inputs.join("\n")],
      ["Checkpoint", content.checkpoint.length === 0 ? "" : size(content.checkpoint.length)],
      ["Payload", payloadText(content.payload)],
    ],
    palette,
  );
}

function payloadText(payload: Uint8Array): string {
  try {
    return safe(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    return `${size(payload.length)} that are no text; -o json shows them as base64`;
  }
}

function deliveryTable(
  { deliveries, deliveriesLeftOut }: TaskDetail,
  side: Side,
  now: number,
): string {
  const head = ["DELIVERY", "ATTEMPT", "STATE", "CHARGED", "LOCALITY", "TOOK", "GRANTED", "WORKER"];
  const rows = deliveries.map((delivery): readonly Cell[] => [
    String(delivery.delivery),
    String(delivery.attempt),
    stateOf(delivery, side),
    delivery.charge === "none" || delivery.charge === "unknown" ? "" : words(delivery.charge),
    delivery.locality === "unknown" || delivery.locality === "none" ? "" : delivery.locality,
    tookOf(delivery),
    delivery.grantedAt === undefined ? "" : ago(delivery.grantedAt, now),
    placeOf(delivery),
  ]);
  const shown = table(head, rows, {
    palette: side.palette,
    columns: widthOf(side),
    right: [0, 1],
    spare: [4, 6],
  });
  if (deliveriesLeftOut === 0) return shown;
  return `${shown}\n${side.palette.faint(`${number(deliveriesLeftOut)} of the middle are left out`)}`;
}

/** From grant to end: what a person who waits has seen of it. */
function tookOf({ grantedAt, endedAt }: DeliveryRecord): string {
  if (grantedAt === undefined || endedAt === undefined) return "";
  return length(endedAt.getTime() - grantedAt.getTime());
}

function stateOf({ state, end, speculative }: DeliveryRecord, { palette }: Side): Cell {
  const word = words(state === "ended" ? end : state);
  const paint = end === "succeeded" ? palette.good : end === "failed" ? palette.bad : String;
  return { text: speculative ? `${word} (copy)` : word, paint };
}

function placeOf({ workerId, host, rack }: DeliveryRecord): string {
  const place = [host === workerId ? "" : host, rack].filter((part) => part !== "");
  return place.length === 0 ? workerId : `${workerId} (${place.join(", ")})`;
}
