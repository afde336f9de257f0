// A sender of all three signals. Usage: node send.js proto|http|grpc http://host:port
// Needs NODE_PATH to say where its packages are. Exit status 0: everything was flushed.
"use strict";

const { MeterProvider, PeriodicExportingMetricReader } = require("@opentelemetry/sdk-metrics");
const { LoggerProvider, BatchLogRecordProcessor } = require("@opentelemetry/sdk-logs");
const { TracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace");
const { diag, DiagConsoleLogger, DiagLogLevel } = require("@opentelemetry/api");

const [kind, base] = process.argv.slice(2);
diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN);

function exporter(signal, name) {
  const Exporter = require(`@opentelemetry/exporter-${signal}-otlp-${kind}`)[name];
  const path = signal === "trace" ? "traces" : signal;
  return new Exporter({ url: kind === "grpc" ? base : `${base}/v1/${path}` });
}

async function main() {
  const reader = new PeriodicExportingMetricReader({
    exporter: exporter("metrics", "OTLPMetricExporter"),
    exportIntervalMillis: 3_600_000,
    exportTimeoutMillis: 60_000,
  });
  const meters = new MeterProvider({ readers: [reader] });
  const meter = meters.getMeter("client");
  const orders = meter.createCounter("orders");
  const seconds = meter.createHistogram("seconds");
  const open = meter.createUpDownCounter("open");
  for (let n = 0; n < 500; n++) {
    orders.add(n, { shop: String(n % 50) });
    seconds.record(n);
    open.add(n % 2 ? -2 : 1);
  }

  const logs = new LoggerProvider({
    processors: [new BatchLogRecordProcessor({ exporter: exporter("logs", "OTLPLogExporter") })],
  });
  for (let n = 0; n < 20; n++) {
    logs.getLogger("client").emit({ eventName: "deploy", body: `number ${n}`, severityNumber: 9 });
  }

  const traces = new TracerProvider({
    spanProcessors: [new BatchSpanProcessor({ exporter: exporter("trace", "OTLPTraceExporter") })],
  });
  for (let n = 0; n < 30; n++) traces.getTracer("client").startSpan(`span ${n}`).end();

  await Promise.all([meters.forceFlush(), logs.forceFlush(), traces.forceFlush()]);
  process.exit(0); // without a last export at shutdown, which would send the metrics again
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
