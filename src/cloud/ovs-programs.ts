/** How the programs of OVN and Open vSwitch are started as plain children; used by the steps that start them. */
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '#platform/supervise/run-command.ts';
import type { Supervisor } from '#platform/supervise/supervisor.ts';
import { socketAccepts } from '#platform/supervise/wait.ts';

/** They log to stderr only, which is the supervised log file; nothing goes to the machine's syslog. */
export const LOG_ARGS = ['-vconsole:info', '-vsyslog:off', '-vfile:off'] as const;

/** All of OVN's and Open vSwitch's default paths point into one directory. */
export function runDirectories(directory: string): Record<string, string> {
  return {
    OVS_RUNDIR: directory,
    OVS_LOGDIR: directory,
    OVS_DBDIR: directory,
    OVS_SYSCONFDIR: directory,
    OVN_RUNDIR: directory,
    OVN_LOGDIR: directory,
    OVN_DBDIR: directory,
    OVN_SYSCONFDIR: directory,
  };
}

export type Database = {
  /** Name of the child; also of its log. */
  name: string;
  directory: string;
  file: string;
  socket: string;
  schema: string;
  logFile: string;
  netns?: string;
};

/** Creates the database where it is absent, converts it where its schema is an older one, and serves it. */
export async function startDatabase(
  supervisor: Supervisor,
  database: Database,
  signal: AbortSignal,
): Promise<void> {
  const { name, directory, schema, logFile, netns } = database;
  const file = join(directory, database.file);
  const socket = join(directory, database.socket);
  if (!exists(file)) {
    await runCommand(['ovsdb-tool', 'create', file, schema], { signal });
  } else if (
    (await runCommand(['ovsdb-tool', 'needs-conversion', file, schema], { signal })).stdout.trim() === 'yes'
  ) {
    await runCommand(['ovsdb-tool', 'convert', file, schema], { deadlineMs: 60_000, signal });
  }
  rmSync(socket, { force: true });
  const control = `--unixctl=${join(directory, `${name}.ctl`)}`;
  const argv = ['ovsdb-server', '--no-chdir', control, ...LOG_ARGS, `--remote=punix:${socket}`, file];
  const ready = { check: () => socketAccepts(socket) };
  await supervisor.start({ name, argv, env: runDirectories(directory), logFile, netns, ready }, signal);
}

function exists(file: string): boolean {
  // An empty file is what is left when the machine stops in the middle of creating it.
  return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0;
}
