/** What the example prints. */
import { bands, lateAfterMinutes, type Delays, type Tally } from "./delays.js";
import { percent, seconds, type Figures } from "./figures.js";
import { machines } from "./fleet.js";
import { usualPort } from "./free-port.js";
import { bytesPerSecond } from "./throttle.js";
import { bold, columns, dim } from "./text.js";

/** What is about to run, and what stands for what. */
export function opening(flights: number, files: number, bytes: number): string {
  const rate = (perSecond: number) => `${perSecond / 1000} kB/s`;
  const { host, rack, remote } = bytesPerSecond;
  return `${bold("Capstan: one job over four unequal workers")}

  data     ${count(flights)} flights, ${(bytes / 1e6).toFixed(1)} MB of JSON lines in ${files} files;
           one copy of each, a quarter of them on each of four hosts
  workers  one on each host; ${racksInWords()}
  reading  local ${rate(host)}, rack ${rate(rack)}, remote ${rate(remote)} a reader:
           simulated: all of it is on this machine, and a throttle stands for disks and network`;
}

function racksInWords(): string {
  const racks = [...new Set(machines.map(({ rack }) => rack))];
  const ofRack = (name: string) =>
    machines.filter(({ rack }) => rack === name).map(({ host, slots }) => `${host} ${slots}`);
  return `slots: ${racks.map((name) => `${ofRack(name).join(", ")} (rack ${name})`).join(", ")}`;
}

/** The answer: a line an hour. */
export function answer(delays: Delays): string {
  const hours = [...new Set([...delays.keys()].map((key) => Math.floor(key / bands.length)))];
  const rows = hours
    .sort((a, b) => a - b)
    .map((hour) => {
      const tallies = bands.map((_, band) => delays.get(hour * bands.length + band));
      const flights = tallies.reduce((sum, tally) => sum + (tally?.flights ?? 0), 0);
      return [`${String(hour).padStart(2, "0")}:00`, count(flights), ...tallies.map(cell)];
    });
  const head = ["hour", "flights", ...bands.map(({ name }) => name)];
  return `${bold("Delay by hour and distance:")} mean minutes, share more than ${lateAfterMinutes} minutes late

${columns(head, rows)}`;
}

function cell(tally: Tally | undefined): string {
  if (tally === undefined) return dim("–");
  const mean = (tally.minutes / tally.flights).toFixed(1);
  return `${mean} ${`${Math.round((100 * tally.late) / tally.flights)} %`.padStart(6)}`;
}

/** That the answer is right. */
export function sameAnswer(flights: number, groups: number): string {
  return `  The same, in all ${groups} groups, as a plain loop over the ${count(flights)} rows finds; both times.`;
}

/** How the workers fared near the data. */
export function workers(figures: Figures): string {
  const rows = figures.workers.map((worker) => [
    worker.host,
    worker.rack,
    String(worker.slots),
    String(worker.tasks),
    percent(worker.busyShare),
    `${worker.mostAtOnce} of ${worker.slots}`,
  ]);
  return `${bold("Workers,")} as measured in them; full: share of slot time in use while map tasks were pending

${columns(["", "rack", "slots", "tasks", "full", "most at once"], rows)}`;
}

/** Fewer are over before the machines have settled in, and chance decides which run is faster. */
const comparableFlights = 50_000;

/** What it brought to mind the place of data. */
export function comparison(near: Figures, blind: Figures, flights: number): string {
  if (flights < comparableFlights) {
    return `${bold("The place of data:")} ${count(flights)} flights are too few to compare runs by;
from ${count(comparableFlights)} on, two runs are compared here, near the data and blind to its place`;
  }
  const slower = `${(blind.elapsedMs / near.elapsedMs).toFixed(1)} times`;
  const row = (title: string, of: (figures: Figures) => string) => [title, of(near), of(blind)];
  const rows = [
    row("map tasks on their data's own host", ({ shares }) => percent(shares.host)),
    row("elsewhere in its rack", ({ shares }) => percent(shares.rack)),
    row("in the other rack", ({ shares }) => percent(shares.remote)),
    row("a map task, on average", ({ mapMs }) => `${mapMs.toFixed(0)} ms`),
    row("retries", ({ retries }) => String(retries)),
    row("the whole job", ({ elapsedMs }) => seconds(elapsedMs)),
  ];
  return `${bold("The place of data:")} ignoring it, the same job took ${slower} as long
(simulated: the four hosts are one machine, and a throttle stands for their disks and network)

${columns(["", "near its data", "place ignored"], rows)}`;
}

/** What to try while the master is up. */
export function tryNow(address: string, jobId: string): string {
  const isUsual = address === `127.0.0.1:${usualPort}`;
  const elsewhere = `
  export CAPSTAN_ADDRESS=${address}`;
  const taken = isUsual ? "" : ` (Port ${usualPort} is taken.)`;
  return `${bold("Up until Ctrl-C")}: the master at ${address} and its four workers.${taken}
In another terminal, in this folder:
${isUsual ? "" : elsewhere}
  npx capstan worker list
  npx capstan job list
  npx capstan job outputs ${jobId} --stage reduce

And with grpcurl, if you have it:

  grpcurl -plaintext ${address} list
  grpcurl -plaintext ${address} describe capstan.v1.MasterService
  grpcurl -plaintext ${address} capstan.v1.OperatorService/ListWorkers
  grpcurl -plaintext -d '{"job_id": "${jobId}"}' ${address} capstan.v1.MasterService/GetJob`;
}

/** The end, and what to try next. */
export function closing(withNext: boolean): string {
  const end = dim(
    "  The workers have drained and the master has stopped: nothing is left running.",
  );
  if (!withNext) return end;
  return `${end}

${bold("Next")}

  npm start -- --keep   ${dim("the same, then master and workers stay up for npx capstan and grpcurl")}

  npx capstan server    ${dim("a master of your own; then, in another terminal in this folder:")}
  npx capstan worker list
  npx capstan job list
  grpcurl -plaintext 127.0.0.1:7410 list   ${dim("if you have it")}`;
}

/** A number for people: `200,000`. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}
