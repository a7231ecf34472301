import { JournalError } from "../journal-error.js";
import { whyNot } from "./folder-reason.js";
import { type Storage, type StorageLock } from "./storage.js";

/** Makes the folder of a journal, if it is missing, and takes its lock. @throws JournalError as {@link lockFolder} */
export function makeAndLock(storage: Storage, directory: string): StorageLock {
  return explained(directory, () => {
    storage.makeDirectory(directory);
    return storage.lock(directory);
  });
}

/** Takes the lock of a folder that is there. @throws JournalError `locked`; `failed` if it cannot be written */
export function lockFolder(storage: Storage, directory: string): StorageLock {
  return explained(directory, () => storage.lock(directory));
}

function explained(directory: string, lock: () => StorageLock): StorageLock {
  try {
    return lock();
  } catch (error) {
    if (error instanceof JournalError) throw error;
    throw new JournalError(
      "failed",
      `${directory} cannot hold a journal: ${whyNot(error, directory)}`,
      {
        cause: error,
      },
    );
  }
}
