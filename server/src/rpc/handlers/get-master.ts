import type {
  GetMasterRequest,
  GetMasterResponse,
  JournalStatus,
} from "@capstan/proto/capstan/v1/operator_service.js";
import { MasterRole } from "@capstan/proto/capstan/v1/operator_service.js";
import { queries } from "../../core/index.js";
import type { Clock } from "../../engine/clock.js";
import { unary } from "../call.js";
import { encodeCounts } from "../codec/encode-job.js";
import { timestamp } from "../codec/encode-time.js";
import { namedLimits } from "../limits.js";
import type { HandlerDeps } from "./deps.js";

/** What only the one who built the master can say of it. */
export interface AboutMaster {
  readonly version: string;
  /** `file` or `memory`. */
  readonly journalDriver: string;
  /** What else is known of the journal at the moment. */
  readonly journal?: () => Partial<Omit<JournalStatus, "driver" | "epoch">>;
  /** Oldest and newest version of the workers' protocol. */
  readonly protocol: { readonly min: number; readonly max: number };
  readonly features: readonly string[];
}

/** @param where says at which address this master is reached, and whether it is stopping */
export function getMaster(
  { engine, log, clock }: HandlerDeps & { readonly clock: Clock },
  about: AboutMaster,
  where: { readonly address: string; readonly isStopping: boolean },
) {
  const limits = Object.fromEntries(
    Object.entries(namedLimits).map(([name, value]) => [name, BigInt(value)]),
  );
  const startedAt = clock.monotonicMs();
  return unary<GetMasterRequest, GetMasterResponse>(log, async () => {
    const view = await engine.read(queries.masterView);
    const durableIndex = BigInt(engine.durableIndex);
    const uptimeMs = Math.round(clock.monotonicMs() - startedAt);
    return {
      version: about.version,
      role: where.isStopping ? MasterRole.MASTER_ROLE_STOPPING : MasterRole.MASTER_ROLE_LEADER,
      leaderAddress: where.address,
      protocolMin: about.protocol.min,
      protocolMax: about.protocol.max,
      features: [...about.features],
      journal: {
        driver: about.journalDriver,
        epoch: BigInt(engine.epoch),
        lastIndex: durableIndex,
        durableIndex,
        firstIndex: 0n,
        trouble: "",
        ...about.journal?.(),
      },
      workersConnected: view.workersConnected,
      jobsActive: view.jobsActive,
      tasks: encodeCounts(view.counts, view.retries),
      limits,
      uptimeMs: BigInt(uptimeMs),
      startedAt: timestamp(engine.startedWall),
      nowAt: timestamp(clock.wallMs()),
    };
  });
}
