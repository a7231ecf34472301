import assert from "node:assert/strict";
import { join } from "node:path";
import { readFully, readFullyAsync, type Storage } from "../../src/journal/file/storage.js";
import { JournalError } from "../../src/journal/journal-error.js";
import { bytes, text } from "./contract.js";

/** A disk and an empty folder on it. Made anew for each test. */
export interface StorageHarness {
  readonly storage: Storage;
  readonly directory: string;
  dispose(): void;
}

/** What the file driver asks of every disk under it. A disk's own test is one call to this. */
export function storageContract(name: string, create: () => StorageHarness): void {
  describe(`storage contract: ${name}`, () => {
    let harness: StorageHarness;
    let storage: Storage;
    beforeEach(() => {
      harness = create();
      ({ storage } = harness);
    });
    afterEach(() => {
      harness.dispose();
    });

    function at(name: string): string {
      return join(harness.directory, name);
    }

    function put(name: string, content: string): void {
      const file = storage.open(at(name), "create");
      file.write([bytes(content)], 0);
      file.sync();
      file.close();
    }

    function get(name: string): string {
      const file = storage.open(at(name), "read");
      const target = new Uint8Array(file.size());
      assert.equal(readFully(file, target, 0), target.length);
      file.close();
      return text(target);
    }

    it("makes a folder with all that is missing above it, and minds none that is there", () => {
      const deep = at("a/b/c");
      storage.makeDirectory(deep);
      storage.makeDirectory(deep);
      assert.deepEqual(storage.list(deep), []);
    });

    it("makes no folder where a file is", () => {
      put("file", "x");
      assert.throws(() => storage.makeDirectory(at("file")), { code: "EEXIST" });
    });

    it("lists the files of a folder, and says when there is none", () => {
      put("b", "");
      put("a", "");
      assert.deepEqual(storage.list(harness.directory).sort(), ["a", "b"]);
      assert.throws(() => storage.list(at("missing")), { code: "ENOENT" });
    });

    it("creates only what is not there, and opens only what is", () => {
      put("file", "x");
      assert.throws(() => storage.open(at("file"), "create"), { code: "EEXIST" });
      assert.throws(() => storage.open(at("missing"), "read"), { code: "ENOENT" });
      assert.throws(() => storage.open(at("missing"), "write"), { code: "ENOENT" });
      assert.throws(() => storage.open(at("no-folder/file"), "create"), { code: "ENOENT" });
      assert.deepEqual(storage.list(harness.directory), ["file"]);
    });

    it("writes all parts, one after the other, wherever it is told to", () => {
      put("file", "0123456789");
      const file = storage.open(at("file"), "write");
      file.write([bytes("ab"), bytes(""), bytes("cd")], 4);
      file.write([bytes("end")], 10);
      assert.equal(file.size(), 13);
      file.close();
      assert.equal(get("file"), "0123abcd89end");
    });

    it("has zeros where a write began behind the end", () => {
      const file = storage.open(at("file"), "create");
      file.write([bytes("x")], 3);
      file.close();
      assert.equal(get("file"), "\0\0\0x");
    });

    it("reads up to the end and nothing behind it", async () => {
      put("file", "0123456789");
      const file = storage.open(at("file"), "read");
      const target = new Uint8Array(6).fill(1);
      assert.equal(readFully(file, target, 7), 3);
      assert.equal(text(target.subarray(0, 3)), "789");
      assert.deepEqual([...target.subarray(3)], [1, 1, 1]);
      assert.equal(file.read(target, 10), 0);
      assert.equal(file.read(target, 1_000), 0);
      assert.equal(await readFullyAsync(file, target, 2), 6);
      assert.equal(text(target), "234567");
      file.close();
    });

    it("shows one opener what another has written", () => {
      const writer = storage.open(at("file"), "create");
      const reader = storage.open(at("file"), "read");
      writer.write([bytes("seen")], 0);
      const target = new Uint8Array(4);
      assert.equal(readFully(reader, target, 0), 4);
      assert.equal(text(target), "seen");
      writer.close();
      reader.close();
    });

    it("cuts a file short, or makes it longer by zeros", () => {
      put("file", "0123456789");
      const file = storage.open(at("file"), "write");
      file.truncate(4);
      assert.equal(file.size(), 4);
      file.truncate(6);
      file.sync();
      file.close();
      assert.equal(get("file"), "0123\0\0");
    });

    it("removes a file that is there, and lets who has it open read on", () => {
      put("file", "still");
      const file = storage.open(at("file"), "read");
      storage.remove(at("file"));
      assert.deepEqual(storage.list(harness.directory), []);
      const target = new Uint8Array(5);
      assert.equal(readFully(file, target, 0), 5);
      assert.equal(text(target), "still");
      file.close();
      assert.throws(() => storage.remove(at("file")), { code: "ENOENT" });
    });

    it("renames a file onto another, which is gone", () => {
      put("from", "new");
      put("to", "old");
      storage.rename(at("from"), at("to"));
      storage.syncDirectory(harness.directory);
      assert.deepEqual(storage.list(harness.directory), ["to"]);
      assert.equal(get("to"), "new");
      assert.throws(() => storage.rename(at("from"), at("to")), { code: "ENOENT" });
    });

    it("syncs a folder that is there", () => {
      storage.syncDirectory(harness.directory);
      assert.throws(() => storage.syncDirectory(at("missing")), { code: "ENOENT" });
    });

    it("gives a folder to one at a time", () => {
      const lock = storage.lock(harness.directory);
      assert.throws(
        () => storage.lock(harness.directory),
        (error) => error instanceof JournalError && error.kind === "locked",
      );
      lock.release();
      storage.lock(harness.directory).release();
    });
  });
}
