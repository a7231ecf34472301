import { journalContract } from "./contract.js";
import { memoryHarness, simulatedHarness, threadHarness } from "./harnesses.js";
import { SimulatedDisk } from "./simulated-disk.js";

journalContract("memory", memoryHarness);
journalContract("file, over a simulated disk", () => simulatedHarness());
journalContract("file, over a simulated disk that reads a little at a time", () => {
  const disk = new SimulatedDisk();
  disk.readBytesMax = 100;
  return simulatedHarness(disk);
});
journalContract(
  "file, over a simulated disk whose failed fsyncs drop what they should write",
  () => {
    const disk = new SimulatedDisk();
    disk.failedSyncDropsPages = true;
    return simulatedHarness(disk);
  },
);
journalContract("file, in its thread on the disk", threadHarness);
