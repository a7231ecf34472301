import { AppendTasksRequest } from "@capstan/proto/capstan/v1/master_service.js";
import { FieldCursor } from "../wire/field-cursor.js";
import { EncodedTasks, plainView, TaskBounds } from "./encoded-tasks.js";

// AppendTasksRequest.tasks = 5.
const tasksField = 5;

/** The request by which large jobs are uploaded, its tasks as they came. */
export interface AppendRequest extends Omit<AppendTasksRequest, "tasks"> {
  readonly tasks: EncodedTasks;
}

/** @throws Error when the bytes are no such request */
export function readAppendTasks(bytes: Buffer): AppendRequest {
  const fields = new FieldCursor(bytes).reset(bytes, 0, bytes.length);
  const bounds = new TaskBounds();
  const others: Uint8Array[] = [];
  let from = 0;
  while (fields.next()) {
    if (fields.field === tasksField && fields.isBytes) bounds.push(fields.start, fields.stop);
    else others.push(bytes.subarray(from, fields.at));
    from = fields.at;
  }
  const tasks = new EncodedTasks(plainView(bytes), bounds, 0, bounds.count);
  return { ...AppendTasksRequest.decode(Buffer.concat(others)), tasks };
}
