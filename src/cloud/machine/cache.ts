/**
 * The machine-wide cache directory: results of probes and QEMU's capabilities, which every cloud on the machine can
 * use. Nothing in it is state: it can be deleted at any time.
 */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { readBootId } from '#platform/supervise/process-table.ts';

/** Undefined for a user who may not write it; everything then is found out anew. */
export function findMachineCache(): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const path = '/var/cache/pileus';
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

/** What a probe's answer depends on: this kernel, this boot, and the programs it used as they are installed now. */
export function machineKey(programs: readonly string[]): string {
  const versions = programs.map((path) => {
    try {
      const { ino, ctimeMs } = statSync(path);
      return `${ino}.${ctimeMs}`;
    } catch {
      return 'absent';
    }
  });
  return [release(), readBootId(), ...versions].join(' ');
}

/** The answer kept under the name and key, or a new one from `probe`, which is kept. */
export async function cached<T>(name: string, key: string, probe: () => Promise<T>): Promise<T> {
  const directory = findMachineCache();
  if (!directory) return probe();
  const file = join(directory, `${name}.json`);
  try {
    const kept = JSON.parse(readFileSync(file, 'utf8')) as { key: string; answer: T };
    if (kept.key === key) return kept.answer;
  } catch {
    // not there or cut off: probe
  }
  const answer = await probe();
  writeFileSync(`${file}.${process.pid}`, JSON.stringify({ key, answer }), { mode: 0o600 });
  renameSync(`${file}.${process.pid}`, file);
  return answer;
}
