// Holds the models equal to the schema files that come with the installed OVN and Open vSwitch.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { differences, type Schema } from '#platform/ovsdb/model-check.ts';
import { northbound, openVswitch, southbound } from './schema.ts';

const variants = [
  { file: '/usr/share/ovn/ovn-nb.ovsschema', tables: northbound },
  { file: '/usr/share/ovn/ovn-sb.ovsschema', tables: southbound },
  { file: '/usr/share/openvswitch/vswitch.ovsschema', tables: openVswitch },
];

for (const { file, tables } of variants) {
  const skip = existsSync(file) ? false : `${file} is not installed`;
  test(`the model says nothing that ${file} does not`, { skip }, async () => {
    const schema = JSON.parse(await readFile(file, 'utf8')) as Schema;
    assert.deepEqual(differences(tables, schema), []);
  });
}

test('a model that drifted is found', () => {
  const schema = {
    name: 'x',
    version: '1.0.0',
    tables: { Chassis: { columns: { name: { type: 'integer' } }, isRoot: true } },
  };
  const faults = differences({ Chassis: southbound.Chassis }, schema);
  assert.ok(faults.some((fault) => fault.startsWith('Chassis.name: ')));
  assert.ok(
    faults.some((fault) => fault.startsWith('Chassis: ')),
    'the missing index',
  );
});
