// The cloud's own log: one file in the data directory, JSON lines, 0600.
import { openSync } from 'node:fs';
import { pino } from 'pino';
import { createLog, type Log } from '#platform/log/log.ts';
import type { DataDirectory } from '../data-directory.ts';

export function openCloudLog(data: DataDirectory): Log {
  // Opened here and now: a cloud that fails at once may end before a file that is being opened is there.
  const file = openSync(data.log('pileus'), 'a', 0o600);
  return createLog({ destination: pino.destination({ dest: file, sync: false }) });
}
