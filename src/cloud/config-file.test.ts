// The operator's options of the services: what is read, what is refused with its place, and that a cloud heeds it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startCloud } from '#test/support/cloud.ts';
import { CONFIG_FILE, mergeTuning, readConfigFile } from './config-file.ts';

function directoryWith(text?: string): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'pileus-config-'));
  if (text !== undefined) writeFileSync(join(path, CONFIG_FILE), text);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

test('keeps the defaults of what is not written', () => {
  using none = directoryWith();
  assert.deepEqual(readConfigFile(none.path), {});
  using empty = directoryWith('# nothing yet\n');
  assert.deepEqual(readConfigFile(empty.path), {});
  using some = directoryWith(
    'identity:\n  security:\n    lockoutFailureAttempts: 5\nimage:\n  webDownload:\n    insideNetworks: [10.1.0.0/16]\n',
  );
  const { identity, image } = readConfigFile(some.path);
  assert.deepEqual(identity, { security: { lockoutFailureAttempts: 5 } });
  assert.deepEqual(image?.webDownload?.insideNetworks, ['10.1.0.0/16']);
  assert.deepEqual(image?.webDownload?.ports, [80, 443]);
});

test('names the place of what it does not understand', () => {
  for (const [text, place] of [
    ['identity:\n  tokenLifetimeSeconds: soon\n', /identity\.tokenLifetimeSeconds must be integer/],
    ['identity:\n  colour: red\n', /identity Additional properties are not allowed \('colour'/],
    ['identity:\n  security:\n    passwordRegex: "["\n', /identity\.security\.passwordRegex/],
    ['placement: {}\n', /the file Additional properties are not allowed \('placement'/],
    [
      'network:\n  resourceProviderBandwidths: {physnet1: {egress: fast}}\n',
      /network\.resourceProviderBandwidths\.physnet1\.egress must be integer/,
    ],
    ['image:\n  quotas:\n    image_size_total: -2\n', /image\.quotas\.image_size_total/],
    ['a: [\n', /is no YAML/],
  ] as const) {
    using directory = directoryWith(text);
    assert.throws(() => readConfigFile(directory.path), place, text);
  }
});

test('an option given to the program wins over the file', () => {
  const merged = mergeTuning(
    { compute: { maxLimit: 10, serviceDownMs: 1000 } },
    { compute: { maxLimit: 20 } },
  );
  assert.deepEqual(merged, { compute: { maxLimit: 20, serviceDownMs: 1000 } });
});

test('a cloud heeds it', async () => {
  using directory = directoryWith('compute:\n  maxLimit: 2\n');
  await using cloud = await startCloud({ simulated: true, dataPath: directory.path });
  const access = await cloud.access('pileus-admin');
  const { flavors } = (await access.get('/compute/v2.1/flavors')) as { flavors: unknown[] };
  assert.equal(flavors.length, 2);
});
