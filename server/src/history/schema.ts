/**
 * The tables of the history. Numbers of jobs, stages, tasks, workers and blobs are the core's, which
 * are never used twice. docs/adr/0009-history-in-pages.md says why tasks are no rows.
 */

/** Format of the file. A newer one is refused, an older one is built anew from the journal. */
export const formatVersion = 2;

/** "CaHi": what the file is, for `file` and for whoever opens another database by mistake. */
export const applicationId = 0x43614869;

export const schema = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE job (
  no INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  run INTEGER NOT NULL,
  cancel_cause TEXT NOT NULL,
  note TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  submitted_wall INTEGER NOT NULL,
  finished_wall INTEGER,
  expires_wall INTEGER,
  kept_ms INTEGER,
  failed_task INTEGER,
  first_stage INTEGER NOT NULL,
  stages TEXT NOT NULL,
  spec INTEGER NOT NULL,
  traceparent TEXT NOT NULL,
  tracestate TEXT NOT NULL,
  baggage TEXT NOT NULL
);
CREATE UNIQUE INDEX job_by_id ON job (id);
CREATE INDEX job_by_namespace ON job (namespace, no);
CREATE INDEX job_by_name ON job (namespace, name, no);
CREATE INDEX job_ill ON job (namespace, state, no) WHERE state IN ('failed', 'cancelled');
CREATE INDEX job_by_end ON job (state, finished_wall)
  WHERE finished_wall IS NOT NULL AND expires_wall IS NULL;
CREATE INDEX job_by_expiry ON job (expires_wall) WHERE expires_wall IS NOT NULL;

CREATE TABLE spec (
  no INTEGER PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE,
  last_job INTEGER NOT NULL,
  bytes BLOB NOT NULL
);

CREATE TABLE kind (job INTEGER, no INTEGER, bytes BLOB NOT NULL, PRIMARY KEY (job, no)) WITHOUT ROWID;

CREATE TABLE task_page (no INTEGER PRIMARY KEY, bytes BLOB NOT NULL);

CREATE TABLE troubled_task (
  task INTEGER PRIMARY KEY,
  job INTEGER NOT NULL,
  dropped INTEGER NOT NULL DEFAULT 0,
  checkpoint INTEGER NOT NULL DEFAULT 0,
  dead_letter_id TEXT NOT NULL DEFAULT ''
);

CREATE TABLE delivery (
  task INTEGER,
  delivery INTEGER,
  generation INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  worker INTEGER NOT NULL,
  level INTEGER NOT NULL,
  granted_wall INTEGER NOT NULL,
  ended_wall INTEGER NOT NULL,
  end TEXT NOT NULL,
  charge TEXT NOT NULL,
  failure_kind TEXT,
  failure_type TEXT,
  failure_message TEXT,
  failure_body INTEGER,
  PRIMARY KEY (task, delivery)
) WITHOUT ROWID;

CREATE TABLE worker (no INTEGER PRIMARY KEY, id TEXT NOT NULL, host TEXT NOT NULL, rack TEXT NOT NULL);

CREATE TABLE section (
  first_blob INTEGER PRIMARY KEY,
  live INTEGER NOT NULL,
  lengths BLOB NOT NULL,
  bytes BLOB NOT NULL
);

CREATE TABLE leaving (job INTEGER PRIMARY KEY, stretches TEXT NOT NULL);
`;
