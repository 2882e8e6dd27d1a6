/**
 * Audits a cloud: reads its things and compares them. What is found is looked for a second time, since things are read one
 * after the other while the cloud works. Changes nothing. Called by `pileus audit` and by the tests of faults.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { DataDirectory } from '../data-directory.ts';
import { compareThings } from './compare.ts';
import { readThings, type SimulatedThings } from './read-things.ts';

/** Longer than OVN and the loops need to follow a change that was under way at the first look. */
const SECOND_LOOK_MS = 1500;

export interface AuditOptions {
  /** How to ask a simulated cloud for what its models hold; absent: it is not simulated, or it does not run. */
  readonly simulated?: SimulatedThings | undefined;
  /** Default 1.5 s. */
  readonly secondLookMs?: number;
}

/** @returns sentences that begin with `orphan:`, `missing:` or `stuck:`; none for a sound cloud */
export async function auditCloud(data: DataDirectory, options: AuditOptions = {}): Promise<string[]> {
  const look = async (): Promise<string[]> => compareThings(await readThings(data, options.simulated));
  const first = await look();
  if (first.length === 0) return [];
  await pause(options.secondLookMs ?? SECOND_LOOK_MS);
  const second = new Set(await look());
  return first.filter((sentence) => second.has(sentence));
}
