import { rmSync } from "node:fs";
import { nodeStorage } from "../../src/journal/file/node-storage.js";
import { createStorage, Faults } from "./faulty-storage.js";
import { temporaryDirectory } from "./harnesses.js";
import { SimulatedDisk } from "./simulated-disk.js";
import { storageContract, type StorageHarness } from "./storage-contract.js";

storageContract("the disk", () => onDisk(nodeStorage()));

storageContract("the disk, with switches for faults that are all off", () =>
  onDisk(createStorage(new Faults().shared)),
);

storageContract("a simulated disk", () => simulated(new SimulatedDisk()));

storageContract("a simulated disk that gives a few bytes at a time", () => {
  const storage = new SimulatedDisk();
  storage.readBytesMax = 3;
  return simulated(storage);
});

function onDisk(storage: StorageHarness["storage"]): StorageHarness {
  const directory = temporaryDirectory();
  return {
    ...{ storage, directory },
    dispose: () => {
      rmSync(directory, { recursive: true });
    },
  };
}

function simulated(storage: SimulatedDisk): StorageHarness {
  storage.makeDirectory("/folder");
  return { storage, directory: "/folder", dispose: () => undefined };
}
