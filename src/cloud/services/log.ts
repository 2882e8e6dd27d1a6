// The cloud's own log: one file in the data directory, JSON lines, 0600.
import { pino } from 'pino';
import { createLog, type Log } from '#platform/log/log.ts';
import type { DataDirectory } from '../data-directory.ts';

export function openCloudLog(data: DataDirectory): Log {
  return createLog({
    destination: pino.destination({ dest: data.log('pileus'), mode: 0o600, sync: false, mkdir: true }),
  });
}
