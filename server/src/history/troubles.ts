import type { Database, Statement } from "./sqlite.js";
import { deliveryRecordsMax } from "../core/index.js";
import type { BlobId, Charge, DeliveryView, FailureFacts, TaskNo } from "../core/index.js";

/** A delivery that ended without success. */
export interface EndedDelivery {
  readonly task: TaskNo;
  readonly generation: number;
  readonly delivery: number;
  readonly attempt: number;
  readonly worker: number;
  readonly level: number;
  readonly grantedWall: number;
  readonly endedWall: number;
  readonly end: DeliveryView["end"];
  readonly charge: Charge;
  readonly failure: FailureFacts | undefined;
}

/** What is known of a task beyond its row in a page. */
export interface Trouble {
  readonly dropped: number;
  /** 0: none. */
  readonly checkpoint: BlobId;
  readonly deadLetterId: string;
}

interface DeliveryRow {
  readonly delivery: number;
  readonly generation: number;
  readonly attempt: number;
  readonly worker: number;
  readonly level: number;
  readonly granted_wall: number;
  readonly ended_wall: number;
  readonly end: DeliveryView["end"];
  readonly charge: Charge;
  readonly failure_kind: FailureFacts["kind"] | null;
  readonly failure_type: string | null;
  readonly failure_message: string | null;
  readonly failure_body: number | null;
}

const untroubled: Trouble = { dropped: 0, checkpoint: 0, deadLetterId: "" };

/** Rows of what most tasks never have: deliveries that ended otherwise, a checkpoint, a dead letter. */
export class Troubles {
  readonly #find: Statement;
  readonly #add: Statement;
  readonly #setDropped: Statement;
  readonly #setCheckpoint: Statement;
  readonly #setDeadLetter: Statement;
  readonly #remove: Statement;
  readonly #addDelivery: Statement;
  readonly #deliveries: Statement;
  readonly #numbers: Statement;
  readonly #removeDelivery: Statement;
  readonly #removeDeliveries: Statement;

  constructor(database: Database) {
    const prepare = (sql: string) => database.prepare(sql);
    this.#find = prepare(
      `SELECT dropped, checkpoint, dead_letter_id AS deadLetterId FROM troubled_task WHERE task = ?`,
    );
    this.#add = prepare("INSERT OR IGNORE INTO troubled_task (task, job) VALUES (?, ?)");
    this.#setDropped = prepare("UPDATE troubled_task SET dropped = dropped + 1 WHERE task = ?");
    this.#setCheckpoint = prepare("UPDATE troubled_task SET checkpoint = ? WHERE task = ?");
    this.#setDeadLetter = prepare("UPDATE troubled_task SET dead_letter_id = ? WHERE task = ?");
    this.#remove = prepare("DELETE FROM troubled_task WHERE task = ?");
    this.#addDelivery = prepare(
      `INSERT INTO delivery (task, delivery, generation, attempt, worker, level, granted_wall,
         ended_wall, end, charge, failure_kind, failure_type, failure_message, failure_body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#deliveries = prepare("SELECT * FROM delivery WHERE task = ? ORDER BY delivery");
    this.#numbers = prepare(
      "SELECT delivery, failure_body FROM delivery WHERE task = ? ORDER BY delivery",
    );
    this.#removeDelivery = prepare("DELETE FROM delivery WHERE task = ? AND delivery = ?");
    this.#removeDeliveries = prepare("DELETE FROM delivery WHERE task = ?");
  }

  of(task: TaskNo): Trouble {
    return (this.#find.get(task) as unknown as Trouble | undefined) ?? untroubled;
  }

  /** Deliveries that ended without success, those that are kept, in order. */
  deliveries(task: TaskNo): readonly EndedDelivery[] {
    return this.#deliveries.all(task).map((row) => deliveryOf(task, row as unknown as DeliveryRow));
  }

  /** @returns the body of a failure that is kept no longer; 0: none */
  addDelivery(job: number, ended: EndedDelivery): BlobId {
    const { task, failure } = ended;
    this.#add.run(task, job);
    const dropped = this.#makeRoom(task);
    this.#addDelivery.run(
      task,
      ended.delivery,
      ended.generation,
      ended.attempt,
      ended.worker,
      ended.level,
      ended.grantedWall,
      ended.endedWall,
      ended.end,
      ended.charge,
      failure?.kind ?? null,
      failure?.type ?? null,
      failure?.message ?? null,
      failure?.body ?? null,
    );
    return dropped;
  }

  /** @returns the checkpoint before; 0: none */
  setCheckpoint(job: number, task: TaskNo, body: BlobId): BlobId {
    const { checkpoint } = this.of(task);
    this.#add.run(task, job);
    this.#setCheckpoint.run(body, task);
    return checkpoint;
  }

  setDeadLetter(task: TaskNo, id: string): void {
    this.#setDeadLetter.run(id, task);
  }

  /** @returns the blobs that it had */
  remove(task: TaskNo): readonly BlobId[] {
    const bodies = this.#numbers.all(task).map((row) => Number(row["failure_body"] ?? 0));
    const { checkpoint } = this.of(task);
    this.#remove.run(task);
    this.#removeDeliveries.run(task);
    return [checkpoint, ...bodies];
  }

  #makeRoom(task: TaskNo): BlobId {
    const rows = this.#numbers.all(task) as { delivery: number; failure_body: number | null }[];
    const second = rows[1];
    if (rows.length < deliveryRecordsMax || second === undefined) return 0;
    this.#removeDelivery.run(task, second.delivery);
    this.#setDropped.run(task);
    return second.failure_body ?? 0;
  }
}

function deliveryOf(task: TaskNo, row: DeliveryRow): EndedDelivery {
  return {
    task,
    generation: row.generation,
    delivery: row.delivery,
    attempt: row.attempt,
    worker: row.worker,
    level: row.level,
    grantedWall: row.granted_wall,
    endedWall: row.ended_wall,
    end: row.end,
    charge: row.charge,
    failure:
      row.failure_kind === null
        ? undefined
        : {
            kind: row.failure_kind,
            type: row.failure_type ?? "",
            message: row.failure_message ?? "",
            body: row.failure_body ?? 0,
          },
  };
}
