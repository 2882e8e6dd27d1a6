// Where a backend's service keeps files of its own.
import { join } from 'node:path';
import type { BackendDeps } from './deps.ts';

/** Images that are read out of order; emptied at the start, as nothing in it outlives its reader. */
export const spoolDirOf = ({ dataDir, host }: Pick<BackendDeps, 'dataDir' | 'host'>): string =>
  join(dataDir, 'spool', encodeURIComponent(host));
