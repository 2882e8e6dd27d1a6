// What the contract's tests have in common: servers of tiny guests, waiting, which error it was.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HypervisorError } from '../errors.ts';
import type { GuestSpec } from '../port.ts';
import { tinyGuestDisk } from './tiny-guest.ts';
import type { TinyGuest } from './tiny-guest.ts';

let sequence = 0;

export async function specIn(
  dir: string,
  guest: TinyGuest,
  changes: Partial<GuestSpec> = {},
): Promise<GuestSpec> {
  sequence += 1;
  const base = path.join(dir, `g${sequence}`);
  await writeFile(`${base}.img`, tinyGuestDisk(guest));
  return {
    id: randomUUID(),
    name: `instance-${sequence}`,
    vcpus: 1,
    memoryMb: 16,
    arch: 'x86_64',
    machine: 'pc',
    accel: 'tcg',
    cpuMode: 'default',
    disks: [
      {
        source: { kind: 'file', path: `${base}.img`, format: 'raw' },
        device: 'disk',
        bus: 'virtio',
        target: 'vda',
        serial: 'root',
        bootIndex: 1,
      },
    ],
    interfaces: [],
    consoleLogPath: `${base}.log`,
    serialSocketPath: `${base}.serial`,
    vncSocketPath: `${base}.vnc`,
    randomDevice: true,
    metadata: { displayName: guest, projectId: 'p1', userId: 'u1', flavorName: 'tiny' },
    ...changes,
  };
}

export async function eventually(what: string, check: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await check())) {
    if (performance.now() > deadline) assert.fail(`never happened: ${what}`);
    await delay(10);
  }
}

export const refusal = (code: HypervisorError['code']) => (error: unknown) => {
  assert.ok(error instanceof HypervisorError, `not a HypervisorError: ${String(error)}`);
  assert.equal(error.code, code, String(error.cause));
  return true;
};

/** Empty while there is none. */
export async function consoleText(spec: GuestSpec): Promise<string> {
  return readFile(spec.consoleLogPath, 'utf8').catch(() => '');
}
