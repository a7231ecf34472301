import { asksForTraces, shutDown, tellLost } from "@capstan/proto/otel.js";
import { fieldsOf, refuseUnknown } from "../known-fields.js";
import { tracingIsOn } from "./spans.js";

/** What {@link startTracing} takes. */
export interface TracingOptions {
  /**
   * The `service.name` of this process where neither OTEL_SERVICE_NAME nor OTEL_RESOURCE_ATTRIBUTES gives one.
   * Default: OpenTelemetry's own, `unknown_service:node`.
   */
  readonly serviceName?: string;
}

/** Traces that are being exported, or nothing at all: both are ended in the same way. */
export interface Tracing {
  /**
   * Sends the spans that are still here, and exports no more. Call it before the process ends. It never
   * rejects, and waits 2 s at most: a collector that is away must not keep a program from ending.
   */
  shutdown(): Promise<void>;
}

const known = fieldsOf<TracingOptions>({ serviceName: null });

const off: Tracing = { shutdown: () => Promise.resolve() };

/**
 * Exports the spans of this process (those of Client and Worker, and whatever else it records) by OTLP, where
 * the standard variables of the environment ask for it: OTEL_EXPORTER_OTLP_ENDPOINT,
 * OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_TRACES_EXPORTER, and neither OTEL_SDK_DISABLED=true nor
 * OTEL_TRACES_EXPORTER=none. Then the other OTEL_* variables (headers, protocol, sampler, …) count too. No
 * metrics and no logs are exported.
 *
 * Where they ask for nothing, nothing is loaded. Where the program has registered a tracer provider of its own,
 * that one stays and gets the spans; shutting it down is the program's. Call it before the first job or task.
 * That spans do not arrive is said on stderr, once.
 *
 * @throws InvalidArgumentError for an option that is not known
 * @returns what ends it: call `shutdown` before the process ends, or the last spans are lost
 */
export async function startTracing(options: TracingOptions = {}): Promise<Tracing> {
  refuseUnknown(options, known);
  if (!asksForTraces(process.env) || tracingIsOn()) return off;
  // Loaded here, since it is large, and most processes are not traced.
  const { core, NodeSDK, resources } = await import("@opentelemetry/sdk-node");
  // Somebody may have registered one while it loaded.
  if (tracingIsOn()) return off;
  const { serviceName } = options;
  // As part of the resource and not as NodeSDK's `serviceName`, which would win over the variables.
  const named = resources.resourceFromAttributes(
    serviceName === undefined ? {} : { "service.name": serviceName },
  );
  const sdk = new NodeSDK({
    resource: resources.defaultResource().merge(named),
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  const onLost = tellLost(core, process.env, (sentence) => {
    process.stderr.write(`capstan: ${sentence}\n`);
  });
  return { shutdown: () => shutDown(sdk, onLost) };
}
