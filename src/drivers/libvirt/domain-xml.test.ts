import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import fc from 'fast-check';
import { diskElement, domainXml, interfaceElement } from './domain-xml.ts';
import { readDomainDevices } from './domain-reading.ts';
import { HypervisorError } from './errors.ts';
import type { GuestSpec } from './port.ts';
import { element, renderXml } from './xml.ts';

const SPEC: GuestSpec = {
  id: '22222222-2222-4222-8222-222222222222',
  name: 'instance-00000001',
  vcpus: 2,
  memoryMb: 512,
  arch: 'x86_64',
  machine: 'pc',
  accel: 'tcg',
  cpuMode: 'default',
  disks: [
    {
      source: { kind: 'file', path: '/d/<&">.qcow2', format: 'qcow2' },
      device: 'disk',
      bus: 'virtio',
      target: 'vda',
      bootIndex: 1,
    },
  ],
  interfaces: [{ mac: 'fa:16:3e:00:00:01', mtu: 1442, tapName: 'tap1', offloads: false }],
  consoleLogPath: '/d/console.log',
  serialSocketPath: '/d/serial',
  vncSocketPath: '/d/vnc',
  randomDevice: true,
  metadata: { displayName: 'web', projectId: 'p', userId: 'u', flavorName: 'm1.small' },
};

const invalid = (error: unknown) => error instanceof HypervisorError && error.code === 'invalid-spec';

test('whatever a tenant calls a server, the document is well-formed and holds no markup of theirs', () => {
  const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '@' });
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'binary' }), fc.constant('</metadata><devices>')),
      (displayName) => {
        const xml = domainXml({ ...SPEC, metadata: { ...SPEC.metadata, displayName } });
        assert.equal(XMLValidator.validate(xml), true);
        assert.deepEqual(Object.keys(parser.parse(xml)), ['domain']);
        assert.equal(xml.match(/<devices>/g)?.length, 1);
      },
    ),
  );
});

test('reads back from its document what it wrote', () => {
  assert.deepEqual(readDomainDevices(domainXml(SPEC)), {
    serialSocketPath: '/d/serial',
    vncSocketPath: '/d/vnc',
    consoleLogPath: '/d/console.log',
    macs: new Set(['fa:16:3e:00:00:01']),
    diskTargets: new Set(['vda']),
  });
});

test('switches offloads off only where the datapath needs it', () => {
  const [nic] = SPEC.interfaces;
  assert.ok(nic);
  assert.match(renderXml(interfaceElement(nic)), /csum="off"/);
  assert.doesNotMatch(renderXml(interfaceElement({ ...nic, offloads: true })), /csum/);
  assert.match(renderXml(interfaceElement(nic)), /<target dev="tap1" managed="no"\/>/);
});

test('describes disks from files, exports and clusters', () => {
  const disk = { device: 'disk', bus: 'virtio', target: 'vdb', serial: 'v1' } as const;
  const nbd = diskElement({ ...disk, source: { kind: 'nbd', socketPath: '/n', exportName: 'vol' } });
  assert.match(renderXml(nbd), /protocol="nbd" name="vol"><host transport="unix" socket="\/n"\/>/);
  const remote = diskElement({
    ...disk,
    source: { kind: 'nbd', host: '10.0.0.1', port: 10_809, exportName: 'vol', reconnectMs: 1500 },
    cache: 'none',
    discard: true,
    shareable: true,
  });
  assert.match(renderXml(remote), /<host name="10.0.0.1" port="10809"\/>/);
  assert.match(renderXml(remote), /cache="none" discard="unmap".*<shareable\/>/);
  const monitors = [{ host: '10.0.0.1', port: 6789 }];
  const rbd = diskElement({
    ...disk,
    source: { kind: 'rbd', pool: 'volumes', image: 'v1', monitors, user: 'cinder', secretId: SPEC.id },
  });
  assert.match(renderXml(rbd), /<auth username="cinder"><secret type="ceph".*name="volumes\/v1"/);
  const luks = diskElement({
    ...disk,
    source: { kind: 'nbd', socketPath: '/n', exportName: 'vol' },
    encryption: { secretId: SPEC.id },
  });
  assert.match(
    renderXml(luks),
    /<source protocol="nbd".*<encryption format="luks"><secret type="passphrase" uuid="[^"]+"\/><\/encryption><\/source>/,
  );
});

test('refuses what the kernel or libvirt would misunderstand', () => {
  const [nic] = SPEC.interfaces;
  assert.ok(nic);
  assert.throws(() => domainXml({ ...SPEC, id: 'x' }), invalid);
  assert.throws(() => domainXml({ ...SPEC, name: '../etc' }), invalid);
  assert.throws(() => domainXml({ ...SPEC, memoryMb: 0.5 }), invalid);
  assert.throws(() => domainXml({ ...SPEC, serialSocketPath: '/x'.repeat(60) }), invalid);
  assert.throws(() => interfaceElement({ ...nic, tapName: 'longer-than-15-chars' }), invalid);
  assert.throws(() => interfaceElement({ ...nic, mac: 'fa:16' }), invalid);
});

test('escapes text and attributes alike', () => {
  const node = element('a', { b: `<'&">\n` }, '\u0001<x/>');
  assert.equal(renderXml(node), '<a b="&lt;&apos;&amp;&quot;&gt;&#10;">\ufffd&lt;x/&gt;</a>');
});
