// Opens a console of a server: checks that there is something to see, and hands out a URL with a fresh token.
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput, NotReady } from '#compute/errors.ts';
import { shouldRun } from '../host/should-run.ts';
import { findServer } from '../servers/find-server.ts';
import { consoleUrl } from './console-url.ts';
import { insertConsoleToken } from './store.ts';

/** @param type `novnc` or `serial`; others are known to the field and not offered here */
export async function openConsole(call: Call, deps: ComputeDeps, type: string): Promise<string> {
  const row = await findServer(call, deps, 'os_compute_api:os-remote-consoles');
  if (type !== 'novnc' && type !== 'serial')
    throw new InvalidInput(`Unavailable console type ${type}.`, 'console-type');
  if (row.host === null || !shouldRun(row)) throw new NotReady(row.id);
  const token = await insertConsoleToken(
    deps.db.kysely,
    row.id,
    type,
    deps.clock.now(),
    deps.config.consoleTokenTtlMs,
  );
  return consoleUrl(call.origin, type === 'novnc' ? 'vnc' : 'serial', token);
}
