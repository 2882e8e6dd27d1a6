// SQLite makes its files as readable as the umask allows. Databases hold what only their owner may read.
import { chmodSync, closeSync, openSync } from 'node:fs';

/**
 * Makes the file before SQLite does, or closes an older one to others; its journals take its mode. A file that is there is
 * never opened: closing it again would drop the locks that this process has on it.
 */
export function keepToOwner(path: string): void {
  if (path === ':memory:' || path === '') return;
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    chmodSync(path, 0o600);
  }
}
