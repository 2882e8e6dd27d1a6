// Loaded with --import into a cloud's process: after SIGUSR2 it kills the process at the n-th write of a kind, just before
// or just after it is on disk. It looks over SQLite's shoulder, so that the cloud itself knows nothing of it.
// DIE_AT: number of the write, from 1; DIE_WHEN: before or after; DIE_OF: `saga` (writes of the launch record) or `all`.
import { DatabaseSync, type StatementSync } from 'node:sqlite';

type Run = (...parameters: unknown[]) => unknown;
interface Patchable {
  prepare(this: DatabaseSync, sql: string): StatementSync;
}

const at = Number(process.env['DIE_AT']);
const when = process.env['DIE_WHEN'] ?? 'after';
const counts =
  process.env['DIE_OF'] === 'all' ? /^\s*(insert|update|delete)/i : /^\s*insert into "saga_steps"/i;
let armed = false;
let writes = 0;
/** Databases whose open transaction has a write that counts. */
const dirty = new Set<DatabaseSync>();
const open = new Set<DatabaseSync>();

process.on('SIGUSR2', () => {
  armed = true;
  process.send?.({ armed: true });
});

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  for (;;); // the signal is on its way
}

function commit<T>(write: () => T): T {
  if (armed) writes += 1;
  if (armed && writes === at && when === 'before') die();
  const result = write();
  if (armed && writes === at && when === 'after') die();
  return result;
}

function watch(db: DatabaseSync, sql: string, run: Run): Run {
  if (/^\s*begin/i.test(sql)) return (...p) => (open.add(db), run(...p));
  if (/^\s*rollback/i.test(sql)) return (...p) => (open.delete(db), dirty.delete(db), run(...p));
  if (/^\s*commit/i.test(sql))
    return (...p) => {
      open.delete(db);
      return dirty.delete(db) ? commit(() => run(...p)) : run(...p);
    };
  if (!counts.test(sql)) return run;
  return (...p) => {
    if (!open.has(db)) return commit(() => run(...p));
    dirty.add(db);
    return run(...p);
  };
}

const prototype = DatabaseSync.prototype as unknown as Patchable;
const { prepare } = prototype;
prototype.prepare = function (sql) {
  const statement = prepare.call(this, sql);
  const methods = statement as unknown as Record<'run' | 'all', Run>;
  for (const name of ['run', 'all'] as const)
    methods[name] = watch(this, sql, methods[name].bind(statement) as Run);
  return statement;
};
