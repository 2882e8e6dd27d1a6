/** A cloud as a whole: the assembly stands on the ground and ends before it; whatever fails, nothing is left. */
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { findDataDirectory } from '#cloud/data-directory.ts';
import { down } from '#cloud/down.ts';
import { up } from '#cloud/up.ts';
import type { Assemble, UpOptions } from '#cloud/up.ts';
import { HYPERVISOR_PACKAGES, NETWORK_PACKAGES, findMissing } from '#cloud/packages.ts';
import { socketAccepts } from '#platform/supervise/wait.ts';
import { auditMachine } from '#test/support/machine-audit.ts';

const READY =
  process.getuid?.() === 0 && findMissing([...NETWORK_PACKAGES, ...HYPERVISOR_PACKAGES]).length === 0;
const NEEDS = READY ? { timeout: 60_000 } : { skip: 'needs root and the packages of pileus up' };

function makeOptions(t: TestContext): UpOptions {
  const dataPath = realpathSync(mkdtempSync(join(tmpdir(), 'plu-')));
  t.after(async () => {
    await down(dataPath, 10_000);
    rmSync(dataPath, { recursive: true });
  });
  return { dataPath, listen: '127.0.0.1:0' };
}

const auditOf = (path: string): string[] => auditMachine([path, findDataDirectory(path)!.prefix]);

test('the assembly begins beside the ground and ends while the ground still stands', NEEDS, async (t) => {
  const options = makeOptions(t);
  const seen: string[] = [];
  const assemble: Assemble = async ({ ground }) => {
    seen.push('begun');
    const { nb } = await ground!;
    const stands = (): Promise<boolean> => socketAccepts(nb.slice('unix:'.length));
    seen.push(`ground ${await stands()}`);
    return { greeting: ['hello'], close: async () => void seen.push(`ends, ground ${await stands()}`) };
  };
  const cloud = await up(options, assemble);
  assert.deepEqual(cloud.greeting, ['hello']);
  await cloud.close();
  await cloud.close();
  assert.deepEqual(seen, ['begun', 'ground true', 'ends, ground true']);
  assert.deepEqual(auditOf(options.dataPath), []);
});

test('an assembly that fails ends the ground, standing or not, and its reason is told', NEEDS, async (t) => {
  const options = makeOptions(t);
  const atOnce: Assemble = () => Promise.reject(new Error('port 8790 is taken'));
  const late: Assemble = async ({ ground }) => {
    await ground;
    throw new Error('no such table');
  };
  await assert.rejects(up(options, atOnce), /^Error: port 8790 is taken$/);
  assert.deepEqual(auditOf(options.dataPath), []);
  await assert.rejects(up(options, late), /^Error: no such table$/);
  assert.deepEqual(auditOf(options.dataPath), []);
});

test('giving up during the bring-up undoes it and closes the assembly', NEEDS, async (t) => {
  const options = makeOptions(t);
  const user = new AbortController();
  let closed = false;
  const assemble: Assemble = () =>
    Promise.resolve({
      greeting: [],
      close: () => {
        closed = true;
        return Promise.resolve();
      },
    });
  setTimeout(() => user.abort(new Error('Ctrl-C')), 60);
  await assert.rejects(up({ ...options, signal: user.signal }, assemble), /^Error: Ctrl-C$/);
  assert.equal(closed, true);
  assert.deepEqual(auditOf(options.dataPath), []);
});

test('a simulated cloud has no ground and needs no root', async (t) => {
  const options = makeOptions(t);
  const assemble: Assemble = ({ ground }) =>
    Promise.resolve({ greeting: [String(ground)], close: () => Promise.resolve() });
  await using cloud = await up({ ...options, simulated: true }, assemble);
  assert.deepEqual(cloud.greeting, ['undefined']);
});
