/**
 * Whether an environment asks for traces, by the standard variables
 * (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). Master and SDK share
 * this, so that the same variables mean the same in every process of a fleet.
 *
 * A variable that is empty counts as one that is not set, as the specification wants it.
 */
export function asksForTraces(env: Readonly<Record<string, string | undefined>>): boolean {
  const exporters = env["OTEL_TRACES_EXPORTER"]?.trim() ?? "";
  if (env["OTEL_SDK_DISABLED"]?.trim().toLowerCase() === "true") return false;
  if (exporters === "none") return false;
  return [
    exporters,
    env["OTEL_EXPORTER_OTLP_ENDPOINT"]?.trim() ?? "",
    env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]?.trim() ?? "",
  ].some((value) => value !== "");
}

/** How long the last spans of a process that ends may take. Milliseconds. */
const shutdownMs = 2_000;

/** Hears that spans did not arrive, and why. */
export type OnLost = (why: unknown) => void;

/**
 * Tells of the first spans that do not arrive, once in a process: OpenTelemetry says nothing unless OTEL_LOG_LEVEL asks
 * it to, and whoever named the wrong place would wait for traces that never come.
 */
export function lossTeller(
  env: Readonly<Record<string, string | undefined>>,
  tell: (sentence: string) => void,
): OnLost {
  let isTold = false;
  return (why) => {
    if (isTold) return;
    isTold = true;
    const own = env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]?.trim();
    const place = own ? own : env["OTEL_EXPORTER_OTLP_ENDPOINT"]?.trim();
    tell(
      `traces are lost: ${place ? place : "the collector"} does not take them (${reasonOf(why)})`,
    );
  };
}

/** What `@opentelemetry/core` has, which only those load that are traced. */
interface ErrorHandling<E> {
  loggingErrorHandler(): (error: E) => void;
  setGlobalErrorHandler(handler: (error: E) => void): void;
}

/**
 * Tells once of spans that do not arrive, while what OTEL_LOG_LEVEL asks for is still written.
 *
 * @returns what is to hear of those that are lost as the process ends
 */
export function tellLost<E>(
  errors: ErrorHandling<E>,
  env: Readonly<Record<string, string | undefined>>,
  tell: (sentence: string) => void,
): OnLost {
  const onLost = lossTeller(env, tell);
  const asUsual = errors.loggingErrorHandler();
  errors.setGlobalErrorHandler((error) => {
    asUsual(error);
    onLost(error);
  });
  return onLost;
}

function reasonOf(why: unknown): string {
  if (!(why instanceof Error)) return String(why);
  // Where each of a host's addresses refused, Node puts the words into the errors beneath.
  const [first] = why instanceof AggregateError ? (why.errors as unknown[]) : [];
  return why.message === "" && first !== undefined ? reasonOf(first) : why.message || why.name;
}

/**
 * Ends what exports: sends the spans that are still here. It never rejects, and waits 2 s at most: a collector
 * that is away must not keep a process from ending.
 */
export async function shutDown(
  exporter: { shutdown(): Promise<void> },
  onLost: OnLost,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      onLost(`the last were not taken within ${shutdownMs / 1_000} s`);
      resolve();
    }, shutdownMs);
  });
  await Promise.race([exporter.shutdown().catch(onLost), late]);
  clearTimeout(timer);
}
