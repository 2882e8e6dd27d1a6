import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findMissing, followApt } from './packages.ts';

test("apt's lines become what there is to do and how far it is", () => {
  const said: string[] = [];
  const at: string[] = [];
  const follow = followApt(
    (text) => said.push(text),
    (detail) => at.push(detail),
  );
  for (const line of [
    'Get:1 http://deb.example.org/debian bookworm InRelease [151 kB]',
    'Reading package lists...',
    '1 upgraded, 1 newly installed, 0 to remove and 3 not upgraded.',
    'Need to get 0 B/1,046 kB of archives.',
    'After this operation, 3,129 kB of additional disk space will be used.',
    'Get:1 http://deb.example.org/debian bookworm/main amd64 iproute2 amd64 6.1.0-3 [1,046 kB]',
    'Unpacking libelf1:amd64 (0.188-2.1) over (0.188-2) ...',
    'Unpacking iproute2 (6.1.0-3) ...',
    'Setting up libelf1:amd64 (0.188-2.1) ...',
    'Processing triggers for libc-bin (2.36-9+deb12u10) ...',
  ])
    follow(line);
  assert.deepEqual(said, [
    '2 packages with all they depend on; 0 B to download',
    'they take 3,129 kB of disk',
  ]);
  assert.deepEqual(at, [
    'downloading 1 of 2: iproute2',
    'unpacking 1 of 2: libelf1',
    'unpacking 2 of 2: iproute2',
    'setting up 1 of 2: libelf1',
  ]);
});

test('a package whose file bears a version is found once it came', () => {
  const directory = mkdtempSync(join(tmpdir(), 'pileus-packages-'));
  try {
    const file = join(directory, 'vmlinuz-1-cloud');
    const files: string[] = [];
    const need = { package: 'kernel', why: 'boots', files: () => files };
    assert.deepEqual(findMissing([need]), [need]);
    writeFileSync(file, '');
    files.push(file);
    assert.deepEqual(findMissing([need]), []);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
