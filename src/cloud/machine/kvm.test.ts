import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { probeKvm, runsBootSector } from './kvm.ts';

const QEMU = existsSync('/usr/bin/qemu-system-x86_64') ? {} : { skip: 'needs qemu-system-x86' };

test('the probe sees a guest that runs: the same boot sector under TCG', QEMU, async () => {
  assert.deepEqual(await runsBootSector('tcg'), { works: true, why: 'a guest booted under tcg' });
});

test('the probe of KVM has an answer with a reason within 2 s', async () => {
  const started = performance.now();
  const { works, why } = await probeKvm();
  assert.ok(performance.now() - started < 2000);
  assert.equal(typeof works, 'boolean');
  assert.notEqual(why, '');
});
