// The comparison finds each kind of thing that belongs to nobody, is missing or is stuck, and nothing in a sound cloud.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareThings } from './compare.ts';
import type { Records } from './store.ts';
import type { CephThings, HostThings, OvnThings, Things } from './things.ts';

const SERVER = '11111111-2222-4333-8444-555555555555';
const OTHER = '99999999-2222-4333-8444-555555555555';
const NETWORK = 'aaaaaaaa-2222-4333-8444-555555555555';
const PORT = 'bbbbbbbb-2222-4333-8444-555555555555';
const GROUP = 'cccccccc-2222-4333-8444-555555555555';
const IMAGE = 'dddddddd-2222-4333-8444-555555555555';
const TAP = `tap${PORT.slice(0, 11)}`;
const NOW = Date.parse('2026-01-01T12:00:00Z');
const LONG_AGO = '2026-01-01T11:00:00.000Z';

const instance = {
  id: SERVER,
  name: 'web',
  vm_state: 'active',
  task_state: null,
  power_state: 1,
  host: 'h1',
  image_id: IMAGE,
  vifs_json: JSON.stringify([{ port_id: PORT, devname: TAP }]),
  port_requests_json: '[]',
  fault_json: null,
  deleted: 0,
};
const port = {
  id: PORT,
  network_id: NETWORK,
  device_id: SERVER,
  device_owner: 'compute:nova',
  binding_host_id: 'h1',
};
const image = {
  id: IMAGE,
  status: 'active',
  size: 5,
  location: 'file',
  ceph_location: null,
  upload_id: null,
  upload_lease: null,
};
const action = { id: 'a', instance_id: SERVER, action: 'stop', state: 'running' };

const RECORDS: Records = {
  instances: [instance],
  actions: [],
  migrations: [],
  openSteps: [],
  allocations: [{ consumer_id: SERVER, provider: 'h1', consumer_type: 'INSTANCE' }],
  bandwidth: [],
  outbox: [],
  networks: [NETWORK],
  subnets: ['s'],
  routers: [],
  securityGroups: [GROUP],
  ports: [port],
  floatingIps: [],
  addresses: [{ port_id: PORT, ip_address: '10.0.0.5' }],
  groupsOfPorts: [{ port_id: PORT, security_group_id: GROUP }],
  northboundWork: [],
  images: [image],
  volumes: [],
  volumeSnapshots: [],
  backups: [],
  attachments: [],
  settledImages: [],
  deviceAttachments: [],
  volumeOperations: [],
  volumeOutbox: [],
  unownedKeys: [],
  keyless: [],
};
const OVN: OvnThings = {
  switches: [NETWORK],
  routers: [],
  switchPorts: [{ portId: PORT }],
  portGroups: [{ groupId: GROUP, portIds: [PORT] }],
  dhcpOptions: [{ subnetId: 's', portId: undefined }],
  floatingIps: [],
  limits: [PORT],
  bindings: [{ portId: PORT, chassis: 'h1', up: true }],
};
const HOST: HostThings = {
  name: 'h1',
  guests: [{ id: SERVER, name: 'instance-11111111', state: 'running' }],
  interfaces: [{ name: TAP, portId: PORT, serverId: SERVER }],
  taps: [TAP],
  emulators: [{ pid: 1, id: SERVER }],
  metadataNetworks: [NETWORK.slice(0, 13)],
  directories: [{ name: SERVER, files: ['disk'] }],
  sockets: [],
  savedMemory: [],
  cacheFiles: [],
};

interface Changes {
  readonly records?: Partial<Records>;
  readonly ovn?: Partial<OvnThings>;
  readonly host?: Partial<HostThings>;
  readonly imageFiles?: Things['imageFiles'];
  readonly volumes?: Things['volumes'];
  readonly backupSets?: Things['backupSets'];
  readonly ceph?: Partial<CephThings>;
}

const VOLUME = { id: 'v', host: 'h1@ceph#ceph', lifecycle: 'available' };
const CEPH: CephThings = { images: [], volumes: [], disks: [SERVER], diskSnapshots: [], backupSets: [] };

function findings({
  records = {},
  ovn = {},
  host = {},
  imageFiles,
  volumes,
  backupSets = [],
  ceph,
}: Changes): string[] {
  return compareThings({
    at: NOW,
    records: { ...RECORDS, ...records },
    ovn: { ...OVN, ...ovn },
    hosts: [{ ...HOST, ...host }],
    ...(volumes ? { volumes } : {}),
    backupSets,
    imageFiles: imageFiles ?? [{ name: 'file', bytes: 5, partial: false }],
    inCeph: ceph !== undefined,
    ...(ceph ? { ceph: { ...CEPH, ...ceph } } : {}),
  });
}

test('finds nothing in a sound cloud', () => assert.deepEqual(findings({}), []));
const MOVE = { uuid: OTHER, instance_id: SERVER, status: 'finished', source_compute: 'h1' };
const KEPT = { name: `${SERVER}.${OTHER}`, files: ['disk'] };
const HELD = { consumer_id: OTHER, provider: 'h1', consumer_type: 'MIGRATION' };

test('finds nothing in a cloud with a resize that waits to be confirmed', () =>
  assert.deepEqual(
    findings({
      records: {
        instances: [{ ...instance, vm_state: 'resized' }],
        migrations: [MOVE],
        allocations: [...RECORDS.allocations, HELD],
      },
      host: { directories: [...HOST.directories, KEPT] },
    }),
    [],
  ));
test('finds nothing in a sound cloud on Ceph', () =>
  assert.deepEqual(
    findings({
      records: {
        images: [{ ...image, location: null, ceph_location: 'x' }],
        volumes: [VOLUME, { ...VOLUME, id: 'w', lifecycle: 'creating' }],
      },
      host: { directories: [{ name: SERVER, files: [] }] },
      imageFiles: [],
      ceph: {
        images: [{ name: 'x', bytes: 5, partial: false }],
        volumes: [{ volumeId: 'v', sizeGb: 1, snapshotIds: [] }],
      },
    }),
    [],
  ));

const ASKING = JSON.stringify([{ port_id: PORT, id: 'g', resources: { NET_BW_EGR_KILOBIT_PER_SEC: 5 } }]);
const GIVEN = { consumer_id: SERVER, resource_class: 'NET_BW_EGR_KILOBIT_PER_SEC', used: 5 };

test('finds nothing where ports have the bandwidth that they ask for', () =>
  assert.deepEqual(
    findings({ records: { instances: [{ ...instance, port_requests_json: ASKING }], bandwidth: [GIVEN] } }),
    [],
  ));

const CASES: ReadonlyArray<readonly [string, Changes, RegExp]> = [
  [
    'bandwidth that ports ask for and do not have',
    { records: { instances: [{ ...instance, port_requests_json: ASKING }] } },
    /^missing: .*claims 0 of NET_BW_EGR/,
  ],
  [
    'bandwidth that no port asks for',
    { records: { bandwidth: [GIVEN] } },
    /^orphan: .*claims 5 of NET_BW_EGR/,
  ],
  ['a limit of a port that is gone', { ovn: { limits: [OTHER] } }, /^orphan: ovn-nb limits or marks/],
  [
    'a task without an action',
    { records: { instances: [{ ...instance, task_state: 'powering-off' }] } },
    /^stuck: .*the task powering-off/,
  ],
  [
    'an action past its deadline',
    { records: { actions: [{ ...action, deadline_at: LONG_AGO }] } },
    /^stuck: the stop of server/,
  ],
  [
    'a build by nobody',
    { records: { instances: [{ ...instance, vm_state: 'building' }] } },
    /^stuck: .*built by nobody/,
  ],
  [
    'an error without a reason',
    { records: { instances: [{ ...instance, vm_state: 'error' }] } },
    /^missing: .*no reason/,
  ],
  [
    'an open step of an action that ended',
    { records: { openSteps: [{ saga_id: 'x', step: 'spawn', state: 'running' }] } },
    /^stuck: step spawn/,
  ],
  [
    'an old message',
    { records: { outbox: [{ queue: 'q', method: 'm', created_at: LONG_AGO, attempts: 9 }] } },
    /^stuck: message m to q/,
  ],
  [
    'old work for OVN',
    { records: { northboundWork: [{ kind: 'port', id: PORT, marked_at: LONG_AGO }] } },
    /^stuck: OVN does not have/,
  ],
  [
    'a claim of nobody',
    {
      records: {
        allocations: [
          ...RECORDS.allocations,
          { consumer_id: OTHER, provider: 'h1', consumer_type: 'INSTANCE' },
        ],
      },
    },
    /^orphan: resources of h1/,
  ],
  [
    'resources held by a migration that is over',
    { records: { allocations: [...RECORDS.allocations, HELD] } },
    /^orphan: .*held by the migration/,
  ],
  [
    'a migration to be confirmed that holds nothing',
    { records: { migrations: [MOVE] } },
    /^missing: the migration .* holds nothing/,
  ],
  [
    'a directory that a move has kept for too long',
    { host: { directories: [...HOST.directories, KEPT] } },
    /^orphan: instances\/.*\.9999/,
  ],
  [
    'a resized server without its guest',
    { records: { instances: [{ ...instance, vm_state: 'resized' }] }, host: { guests: [], emulators: [] } },
    /^missing: the guest of/,
  ],
  ['a server without a claim', { records: { allocations: [] } }, /^missing: .*claims no resources/],
  [
    'a port of no server',
    {
      records: { ports: [port, { ...port, id: OTHER, device_id: OTHER }] },
      ovn: { switchPorts: [{ portId: PORT }, { portId: OTHER }] },
    },
    /^orphan: port 9999/,
  ],
  [
    'an address of no port',
    { records: { addresses: [{ port_id: OTHER, ip_address: '10.0.0.9' }] } },
    /^orphan: address 10\.0\.0\.9/,
  ],
  [
    'a port that OVN has alone',
    { ovn: { switchPorts: [{ portId: PORT }, { portId: OTHER }] } },
    /^orphan: ovn-nb has the port 9999/,
  ],
  [
    'a port that OVN lacks',
    { ovn: { switchPorts: [], bindings: OVN.bindings } },
    /^(missing: ovn-nb lacks the port|orphan: ovn-sb binds)/,
  ],
  ['a switch of no network', { ovn: { switches: [NETWORK, OTHER] } }, /^orphan: ovn-nb has the switch/],
  [
    'a port outside its group',
    { ovn: { portGroups: [{ groupId: GROUP, portIds: [] }] } },
    /^missing: ovn-nb lacks the member/,
  ],
  [
    'DHCP options of no subnet',
    { ovn: { dhcpOptions: [{ subnetId: 'gone', portId: undefined }] } },
    /^orphan: ovn-nb has DHCP/,
  ],
  [
    'a binding of no port',
    { ovn: { bindings: [...OVN.bindings, { portId: OTHER, chassis: 'h1', up: true }] } },
    /^orphan: ovn-sb binds/,
  ],
  [
    'a port on another chassis',
    { ovn: { bindings: [{ portId: PORT, chassis: 'h2', up: true }] } },
    /^missing: .*claimed by h2, not h1/,
  ],
  [
    'a port that is down',
    { ovn: { bindings: [{ portId: PORT, chassis: 'h1', up: false }] } },
    /^missing: .*is not up/,
  ],
  [
    'a guest of no server',
    { host: { guests: [...HOST.guests!, { id: OTHER, name: 'i', state: 'running' }] } },
    /^orphan: libvirt on h1/,
  ],
  ['a server without a guest', { host: { guests: [], emulators: [] } }, /^missing: the guest of/],
  [
    'an emulator that libvirt lost',
    { host: { emulators: [...HOST.emulators!, { pid: 7, id: OTHER }] } },
    /^orphan: process 7/,
  ],
  [
    'an interface of no server',
    { host: { interfaces: [...HOST.interfaces!, { name: 'tapx', portId: PORT, serverId: OTHER }] } },
    /^orphan: interface tapx/,
  ],
  ['a tap on no bridge', { host: { taps: [TAP, 'tapx'] } }, /^orphan: device tapx/],
  ['a server without its interface', { host: { interfaces: [], taps: [] } }, /^missing: .*no interface tap/],
  ['metadata in no network', { host: { metadataNetworks: ['00000000-0000'] } }, /^orphan: metadata on h1/],
  [
    'a directory of no server',
    { host: { directories: [...HOST.directories, { name: OTHER, files: [] }] } },
    /^orphan: instances\/9999/,
  ],
  [
    'a snapshot that was left',
    { host: { directories: [{ name: SERVER, files: ['disk', 'snapshot-1'] }] } },
    /^orphan: instances\/.*snapshot-1/,
  ],
  ['a server without a disk', { host: { directories: [] } }, /^missing: .*no disk/],
  ['a socket of no guest', { host: { sockets: ['mZmZmSIiQzOERFVVVVVVVQ.s'] } }, /^orphan: socket run\//],
  ['memory of no server', { host: { savedMemory: [`${OTHER}.memory`] } }, /^orphan: saved\//],
  ['a load that was never finished', { host: { cacheFiles: ['x.part'] } }, /^orphan: image-cache\/x\.part/],
  [
    'a file of no image',
    {
      imageFiles: [
        { name: 'file', bytes: 5, partial: false },
        { name: 'x', bytes: 1, partial: true },
      ],
    },
    /^orphan: the image store has x, half-written/,
  ],
  [
    'an image that its action did not fill',
    {
      records: {
        images: [image, { ...image, id: 'i', status: 'queued', location: null }],
        settledImages: [{ id: 'i', instance_id: SERVER, state: 'kept', since: LONG_AGO }],
      },
    },
    /^orphan: image i of server 1.* is filled by nobody/,
  ],
  [
    'image data in Ceph of no image',
    { ceph: { images: [{ name: 'x', bytes: 5, partial: false }] } },
    /^orphan: Ceph has x of no image/,
  ],
  [
    'image data in Ceph that is not there',
    { records: { images: [{ ...image, location: null, ceph_location: 'x' }] }, imageFiles: [], ceph: {} },
    /^missing: image .* has no data in Ceph/,
  ],
  ['a root disk that is not there', { ceph: { disks: [] } }, /^missing: .* has no disk in Ceph/],
  ['a root disk of no server', { ceph: { disks: [SERVER, OTHER] } }, /^orphan: Ceph has the root disk/],
  [
    'a snapshot that an upload has left',
    { ceph: { diskSnapshots: [`${SERVER}_disk@image-x`] } },
    /^orphan: the root disk/,
  ],
  [
    'a volume in Ceph that is not there',
    { ceph: { volumes: [{ volumeId: 'v', sizeGb: 1, snapshotIds: [] }] } },
    /^orphan: Ceph has the volume v/,
  ],
  [
    'a volume that Ceph does not have',
    { records: { volumes: [VOLUME] }, ceph: {} },
    /^missing: Ceph has no volume v/,
  ],
  [
    'a snapshot that Ceph does not have, and one that nobody has',
    {
      records: {
        volumes: [VOLUME],
        volumeSnapshots: [{ id: 's', volume_id: 'v', status: 'available' }],
      },
      ceph: { volumes: [{ volumeId: 'v', sizeGb: 1, snapshotIds: ['t'] }] },
    },
    /^(missing: Ceph has no volume snapshot s|orphan: Ceph has the snapshot t)/,
  ],
  ['backup data that is of no backup', { backupSets: ['d'] }, /^orphan: the backup store has the data d/],
  [
    'a backup without its data',
    { records: { backups: [{ id: 'b', data_id: 'd', status: 'available' }] } },
    /^missing: the backup store has not the data d of backup b/,
  ],
  [
    'a volume in the store that is not there',
    { volumes: [{ volumeId: 'v', snapshotIds: [] }] },
    /^orphan: the volume store has the volume v/,
  ],
  [
    'a key of nothing',
    { records: { unownedKeys: [{ id: 'k', owner_id: 'v' }] } },
    /^orphan: encryption key k/,
  ],
  [
    'an encrypted volume without a key',
    { records: { keyless: [{ id: 'v', kind: 'volume' }] } },
    /^missing: encrypted volume v has no/,
  ],
  [
    'a volume that a move left behind in another store',
    {
      records: { volumes: [VOLUME] },
      volumes: [
        { volumeId: 'v', snapshotIds: [] },
        { volumeId: 'v', snapshotIds: [] },
      ],
    },
    /^orphan: more than one store has the volume v/,
  ],
  [
    'a volume that the store has not',
    { records: { volumes: [VOLUME] }, volumes: [] },
    /^missing: the volume store/,
  ],
  [
    'an attachment of no server',
    { records: { attachments: [{ id: 'a', volume_id: 'v', instance_id: OTHER }] } },
    /^orphan: attachment a of volume v/,
  ],
  [
    'a server whose attachment is gone',
    { records: { deviceAttachments: [{ attachment_id: 'a', instance_id: SERVER, volume_id: 'v' }] } },
    /^missing: server .* by attachment a/,
  ],
  [
    'work on a volume that does not end',
    {
      records: {
        volumeOperations: [
          { id: 'o', resource_type: 'volume', resource_id: 'v', operation: 'extend', deadline_at: LONG_AGO },
        ],
      },
    },
    /^stuck: the extend of volume v/,
  ],
  ['an image without its file', { imageFiles: [] }, /^missing: image/],
  [
    'a file that was cut',
    { imageFiles: [{ name: 'file', bytes: 4, partial: false }] },
    /^missing: the file of image/,
  ],
  [
    'an upload by nobody',
    { records: { images: [{ ...image, status: 'saving', upload_id: 'file', upload_lease: LONG_AGO }] } },
    /^stuck: image/,
  ],
];
for (const [what, changes, expected] of CASES) {
  test(`finds ${what}`, () => {
    const found = findings(changes);
    assert.ok(found.length > 0, 'nothing was found');
    for (const sentence of found) assert.match(sentence, expected);
  });
}

test('leaves alone what something is being done with', () => {
  const busy = { ...action, deadline_at: '2026-01-01T12:01:00.000Z' };
  assert.deepEqual(
    findings({
      records: { actions: [busy], instances: [{ ...instance, task_state: 'powering-off' }] },
      host: { guests: [], interfaces: [], emulators: [], taps: [] },
      ovn: { bindings: [{ portId: PORT, chassis: undefined, up: false }] },
    }),
    [],
  );
});
