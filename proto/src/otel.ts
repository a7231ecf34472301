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

/**
 * Ends what exports: sends the spans that are still here. It never rejects, and waits 2 s at most: a collector
 * that is away must not keep a process from ending.
 */
export async function shutDown(exporter: { shutdown(): Promise<void> }): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, shutdownMs);
  });
  await Promise.race([exporter.shutdown().catch(() => {}), late]);
  clearTimeout(timer);
}
