import type { Annotation, AnnotationKind, AnnotationOf } from "../commands.js";
import type { Context, Settings } from "../context.js";
import type { State } from "../state/state.js";
import { noteHeldBack, noteHistoryBegins, noteProjected } from "./history.js";
import {
  noteAssigned,
  noteGranted,
  noteProgress,
  noteReceived,
  noteStarted,
  renewLeases,
} from "./leases.js";
import { beginSession, endSession, grantCredit, noteAlive } from "./sessions.js";

type Annotator<A> = (state: State, note: A, context: Context, settings: Settings) => void;

const annotators: { readonly [K in AnnotationKind]: Annotator<AnnotationOf<K>> } = {
  begin_session: beginSession,
  end_session: endSession,
  grant_credit: grantCredit,
  note_granted: noteGranted,
  note_assigned: noteAssigned,
  note_received: noteReceived,
  note_started: noteStarted,
  note_progress: noteProgress,
  renew_leases: renewLeases,
  note_alive: noteAlive,
  note_projected: noteProjected,
  note_history_begins: noteHistoryBegins,
  note_held_back: noteHeldBack,
};

/** Notes something of the volatile tier, the only writer of it. Durable state is never touched. */
export function annotate(
  state: State,
  note: Annotation,
  context: Context,
  settings: Settings,
): void {
  const annotator = annotators[note.kind] as Annotator<Annotation>;
  annotator(state, note, context, settings);
}
