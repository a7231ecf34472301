import { TaskSpec } from "@capstan/proto/capstan/v1/job.js";
import { AppendTasksRequest } from "@capstan/proto/capstan/v1/master_service.js";
import { FieldCursor } from "../session/field-cursor.js";

// AppendTasksRequest.tasks = 5, TaskSpec.payload = 1.
const tasksField = 5;
const payloadTag = (1 << 3) | 2;

const noBytes = Buffer.alloc(0);

/**
 * Reads the request by which large jobs are uploaded. A task that is a payload and nothing else, as
 * nearly all are where there are many, is read by hand, and its payload is a view of the request;
 * all the rest goes through the generated code.
 *
 * @throws RangeError or another error when the bytes are no such request
 */
export function decodeAppendTasksRequest(bytes: Buffer): AppendTasksRequest {
  const fields = new FieldCursor(bytes).reset(bytes, 0, bytes.length);
  const tasks: TaskSpec[] = [];
  const others: Uint8Array[] = [];
  let from = 0;
  while (fields.next()) {
    if (fields.field === tasksField && fields.isBytes) {
      tasks.push(decodeTask(bytes, fields.start, fields.stop));
    } else {
      others.push(bytes.subarray(from, fields.at));
    }
    from = fields.at;
  }
  return { ...AppendTasksRequest.decode(Buffer.concat(others)), tasks };
}

function decodeTask(bytes: Buffer, start: number, stop: number): TaskSpec {
  if (start === stop) return plainTask(noBytes);
  if (bytes[start] === payloadTag) {
    let at = start + 1;
    let length = 0;
    let byte = 0x80;
    for (let shift = 0; byte > 0x7f && at < stop && shift < 28; shift += 7) {
      byte = bytes[at++] as number;
      length |= (byte & 0x7f) << shift;
    }
    if (byte <= 0x7f && at + length === stop) return plainTask(bytes.subarray(at, stop));
  }
  return TaskSpec.decode(bytes.subarray(start, stop));
}

function plainTask(payload: Buffer): TaskSpec {
  return {
    payload,
    inputs: [],
    recordCount: undefined,
    taskType: "",
    demand: [],
    constraints: undefined,
    attemptTimeoutMs: undefined,
    deadlineMs: undefined,
    delayMs: undefined,
    priority: undefined,
  };
}
