// Options of the bring-up that can not be had are refused with what to do instead, before anything is begun.
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { assemble } from '#cloud/assemble.ts';
import { findDataDirectory } from '#cloud/data-directory.ts';
import { explain } from '#cloud/errors.ts';
import { up, type UpOptions } from '#cloud/up.ts';
import { auditMachine } from '#test/support/machine-audit.ts';

const REFUSED: ReadonlyArray<[Partial<UpOptions>, RegExp]> = [
  [{ hypervisor: 'qemu:///system' }, /--hypervisor together with --network system/],
  [{ hosts: 21 }, /Choose 1 to 20/],
  [{ hypervisor: 'qemu+ssh://other/system', network: 'system' }, /guests run on this machine/],
  [{ hypervisor: 'qemu:///session', network: 'system' }, /Use qemu:\/\/\/system/],
  [
    { hypervisor: 'qemu:///system?socket=/nowhere/libvirt', network: 'system' },
    /(libvirt at \/nowhere\/libvirt does not answer|Open vSwitch|db\.sock)/,
  ],
  [{ hosts: 2, network: 'system' }, /Leave out --hosts/],
  [
    {
      network: 'system',
      endpoints: { nb: 'unix:/nowhere/nb', sb: 'unix:/nowhere/sb', ovs: 'unix:/nowhere/ovs' },
    },
    /nowhere/,
  ],
];

const skip = process.getuid?.() === 0 ? false : 'needs root';

for (const [options, why] of REFUSED) {
  test(`${JSON.stringify(options)} is refused, and nothing is left`, { skip, timeout: 60_000 }, async (t) => {
    const dataPath = realpathSync(mkdtempSync(join(tmpdir(), 'plo-')));
    t.after(() => rmSync(dataPath, { recursive: true }));
    await assert.rejects(up({ dataPath, listen: '127.0.0.1:0', ...options }, assemble), (error) => {
      assert.match(explain(error), why);
      return true;
    });
    assert.deepEqual(auditMachine([dataPath, findDataDirectory(dataPath)!.prefix]), []);
  });
}
