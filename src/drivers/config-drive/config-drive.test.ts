// Config drives, read back by other programs: isoinfo (genisoimage) for both trees, xorriso for a full extraction.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { ConfigDriveError } from './port.ts';
import { createConfigDriveWriter } from './real.ts';

const writer = createConfigDriveWriter();
const modified = new Date('2026-03-04T05:06:07Z');
let directory = '';

before(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'pileus-config-drive-'));
});
after(() => rmSync(directory, { recursive: true, force: true }));

function isoinfo(image: string, ...args: string[]): Buffer {
  return execFileSync('isoinfo', ['-i', image, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 10_000,
  });
}

function isMissing(program: string): boolean {
  try {
    execFileSync(program, ['-version'], { stdio: 'ignore', timeout: 10_000 });
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT';
  }
}

const noIsoinfo = isMissing('isoinfo') ? 'isoinfo (package genisoimage) is not installed' : false;
const noXorriso = isMissing('xorriso') ? 'xorriso is not installed' : false;

describe('config drive image', () => {
  test('gives isoinfo the same bytes under the same names, in both trees', { skip: noIsoinfo }, async () => {
    const image = path.join(directory, 'small.iso');
    const userData = Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 256));
    const files = new Map<string, string | Uint8Array>([
      ['openstack/latest/meta_data.json', '{"uuid":"ä"}'],
      ['openstack/latest/user_data', userData],
      ['openstack/latest/empty', ''],
      ['openstack/content/0000', 'x'],
      ['ec2/latest/meta-data.json', '{}'],
    ]);
    const { bytes } = await writer.write({ target: image, files, modified });
    assert.equal(statSync(image).size, bytes);
    assert.equal(statSync(image).mode & 0o777, 0o600);
    const description = isoinfo(image, '-d').toString();
    assert.match(description, /Volume id: config-2\n/);
    assert.match(description, /Joliet with UCS level 3 found/);
    for (const tree of [[], ['-J']]) {
      for (const [name, content] of files) {
        assert.deepEqual(
          isoinfo(image, ...tree, '-x', `/${name}`),
          Buffer.from(content),
          `${name} ${tree.join()}`,
        );
      }
      assert.match(isoinfo(image, ...tree, '-l').toString(), /Mar\s+4\s+2026.*meta_data\.json/);
    }
  });

  test(
    'survives extraction by xorriso with many directories and long names',
    { skip: noXorriso },
    async () => {
      const image = path.join(directory, 'large.iso');
      const files = new Map<string, string>();
      for (let index = 0; index < 150; index++) {
        files.set(
          `openstack/version-${index}/a-name-that-is-longer-than-thirty-one-letters-${index}.json`,
          `content ${index}`,
        );
        files.set(`openstack/content/${String(index).padStart(4, '0')}`, 'y'.repeat(index * 37));
      }
      await writer.write({ target: image, files, modified });
      const out = path.join(directory, 'extracted');
      execFileSync(
        'xorriso',
        ['-read_fs', 'norock', '-osirrox', 'on', '-indev', image, '-extract', '/', out],
        { stdio: 'ignore', timeout: 20_000 },
      );
      for (const [name, content] of files) assert.equal(readFileSync(path.join(out, name), 'utf8'), content);
      assert.equal(readdirSync(path.join(out, 'openstack')).length, 151);
    },
  );

  test('refuses paths that leave the drive or that no image can hold', async () => {
    const target = path.join(directory, 'refused.iso');
    const bad = [
      '../etc/passwd',
      '/etc/passwd',
      'a//b',
      'a/./b',
      '',
      'a\0b',
      'x'.repeat(65),
      'a/b/c/d/e/f/g/h/i',
      'emoji-😀',
    ];
    for (const name of bad) {
      await assert.rejects(
        writer.write({ target, files: new Map([[name, 'x']]), modified }),
        ConfigDriveError,
        name,
      );
    }
    const clash = new Map([
      ['a', 'file'],
      ['a/b', 'below a file'],
    ]);
    await assert.rejects(writer.write({ target, files: clash, modified }), ConfigDriveError);
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.startsWith('refused')),
      [],
    );
  });

  test('replaces an image and removes one twice', async () => {
    const target = path.join(directory, 'again.iso');
    await writer.write({ target, files: new Map([['a', 'one']]), modified });
    await writer.write({ target, files: new Map([['a', 'two']]), modified });
    assert.ok(readFileSync(target).includes('two'));
    await writer.remove(target);
    await writer.remove(target);
  });
});
