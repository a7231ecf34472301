import { asksForTraces, shutDown, tellLost } from "@capstan/proto/otel.js";

/** Traces that are being exported. */
export interface Tracing {
  /** Sends what is still here. Never fails, and takes 2 s at most: lost spans must not keep a master from stopping. */
  shutdown(): Promise<void>;
}

interface Log {
  warn(fields: object, message: string): void;
}

type Environment = Readonly<Record<string, string | undefined>>;

const off: Tracing = { shutdown: () => Promise.resolve() };

export { asksForTraces as tracingIsOn };

/**
 * Starts exporting traces where the standard variables say
 * (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). Where they
 * say nothing, nothing is loaded and nothing is paid. That spans do not arrive is logged, once.
 */
export async function startTracing(
  env: Environment,
  serviceName: string,
  log: Log,
): Promise<Tracing> {
  if (!asksForTraces(env)) return off;
  const { core, NodeSDK } = await import("@opentelemetry/sdk-node");
  const sdk = new NodeSDK({ serviceName: env["OTEL_SERVICE_NAME"] ?? serviceName });
  sdk.start();
  const onLost = tellLost(core, env, (sentence) => log.warn({}, sentence));
  return { shutdown: () => shutDown(sdk, onLost) };
}
