import { journalContract } from "./contract.js";
import { memoryHarness, simulatedHarness, threadHarness } from "./harnesses.js";

journalContract("memory", memoryHarness);
journalContract("file, over a simulated disk", simulatedHarness);
journalContract("file, in its thread on the disk", threadHarness);
