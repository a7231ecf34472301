import { status } from "@grpc/grpc-js";
import { CallRefusedError } from "./errors.js";

/** What a caller may do. `open` is no role: such a method asks for none. */
export type Role = "submit" | "work" | "operate" | "read";

type Access = "open" | readonly Role[];

const submit: Access = ["submit"];
const work: Access = ["work"];
const operate: Access = ["operate"];
const read: Access = ["read"];

/**
 * Who may call what: any of the roles listed. A method that is not here is refused, whoever asks;
 * a test walks all services for methods without a row, and reads the roles in the proto comments.
 */
export const accessByMethod: Readonly<Record<string, Access>> = {
  "/capstan.v1.MasterService/SubmitJob": submit,
  "/capstan.v1.MasterService/SubmitJobs": submit,
  "/capstan.v1.MasterService/AppendTasks": submit,
  "/capstan.v1.MasterService/SealJob": submit,
  "/capstan.v1.MasterService/AppendBatch": submit,
  "/capstan.v1.MasterService/PullTasks": work,
  "/capstan.v1.MasterService/Heartbeat": work,
  "/capstan.v1.MasterService/ReportFailure": work,
  "/capstan.v1.MasterService/GetJob": read,
  "/capstan.v1.MasterService/ListJobs": read,
  "/capstan.v1.MasterService/ListTasks": read,
  "/capstan.v1.MasterService/GetTask": read,
  "/capstan.v1.MasterService/ListBatches": read,
  "/capstan.v1.MasterService/ReadOutputs": ["read", "work"],
  "/capstan.v1.MasterService/WatchJob": read,
  "/capstan.v1.MasterService/CancelJob": submit,
  "/capstan.v1.MasterService/PauseJob": submit,
  "/capstan.v1.MasterService/ResumeJob": submit,

  "/capstan.v1.FailureService/SubscribeFailures": read,
  "/capstan.v1.FailureService/AcknowledgeFailures": read,
  "/capstan.v1.FailureService/ListDeadLetters": read,
  "/capstan.v1.FailureService/GetDeadLetter": read,
  "/capstan.v1.FailureService/RedriveDeadLetters": operate,
  "/capstan.v1.FailureService/GetRedrive": read,
  "/capstan.v1.FailureService/CancelRedrive": operate,
  "/capstan.v1.FailureService/DiscardDeadLetters": operate,

  "/capstan.v1.OperatorService/ListWorkers": read,
  "/capstan.v1.OperatorService/DrainWorker": operate,
  "/capstan.v1.OperatorService/ExcludeWorker": operate,
  "/capstan.v1.OperatorService/ReadmitWorker": operate,
  "/capstan.v1.OperatorService/ListQueues": read,
  "/capstan.v1.OperatorService/SetQueue": operate,
  "/capstan.v1.OperatorService/PauseQueue": operate,
  "/capstan.v1.OperatorService/ResumeQueue": operate,
  "/capstan.v1.OperatorService/SetQuota": operate,
  "/capstan.v1.OperatorService/ReleaseBatch": operate,
  "/capstan.v1.OperatorService/RewindJob": operate,
  "/capstan.v1.OperatorService/ExplainTask": read,
  "/capstan.v1.OperatorService/PlanJob": read,
  "/capstan.v1.OperatorService/GetMaster": read,
  "/capstan.v1.OperatorService/CreateAccessToken": operate,
  "/capstan.v1.OperatorService/ListAccessTokens": operate,
  "/capstan.v1.OperatorService/RevokeAccessToken": operate,

  "/grpc.health.v1.Health/Check": "open",
  "/grpc.health.v1.Health/Watch": "open",
  "/grpc.health.v1.Health/List": "open",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": read,
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": read,
};

/** Who asks, as far as that is known before the request is read. */
export interface Caller {
  /** Address and port, as grpc-js has it; `unknown` on a Unix socket. */
  readonly peer: string;
  /** What came in `authorization`; undefined: nothing. */
  readonly authorization: string | undefined;
}

/** What callers without a token may do: all roles on loopback; elsewhere too, if told so. */
export interface AnonymousPolicy {
  readonly insecure: boolean;
}

const allRoles: readonly Role[] = ["submit", "work", "operate", "read"];
const noRoles: readonly Role[] = [];

/**
 * Decides at the time of the metadata, before the request is read.
 *
 * @throws CallRefusedError UNAUTHENTICATED or PERMISSION_DENIED
 */
export function authorize(method: string, caller: Caller, policy: AnonymousPolicy): void {
  const access = Object.hasOwn(accessByMethod, method) ? accessByMethod[method] : undefined;
  if (access === "open") return;
  const roles = rolesOf(caller, policy);
  if (access?.some((role) => roles.includes(role)) === true) return;
  const role = access?.join(" or ") ?? "none";
  throw new CallRefusedError(`${method} needs the role ${role}`, {
    code: status.PERMISSION_DENIED,
    reason: "ROLE_MISSING",
    facts: { role, method },
  });
}

function rolesOf({ peer, authorization }: Caller, { insecure }: AnonymousPolicy): readonly Role[] {
  if (authorization !== undefined) {
    // Whoever brings a token wants it to be looked at: to let it pass unread would be to pretend.
    throw new CallRefusedError("this master knows no tokens yet; call it without one", {
      code: status.UNAUTHENTICATED,
      reason: "TOKEN_INVALID",
    });
  }
  return insecure || isLoopbackPeer(peer) ? allRoles : noRoles;
}

/** @param peer address and port; IPv4 may come mapped into IPv6 */
export function isLoopbackPeer(peer: string): boolean {
  if (peer === "unknown") return true;
  const address = peer.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return isLoopbackHost(address.replace(/^::ffff:/i, ""));
}

/** Is this a name or address of this machine alone? */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
