// Launching servers in every way that the client offers, finding them again, and deleting them.
import type { Area, Step } from '../conversation.ts';
import { PUBLIC_KEY } from './keypair-flavor.ts';
import { LAUNCH_MS, newest, newestAdmin, NEWEST_COMPUTE } from './server-ground.ts';
import { STRANGER, strangerArrives } from './stranger.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const BOOT = 'server create --image pileus-demo --flavor m1.nano';

const empty = (value: unknown): boolean =>
  value === '' || value === null || (typeof value === 'object' && Object.keys(value).length === 0);

const becomesActive = (name: string, has: object = {}): Step => ({
  run: `server show ${name}`,
  has: { status: 'ACTIVE', ...has },
  withinMs: LAUNCH_MS,
});

const ground: readonly Step[] = [
  ...strangerArrives,
  { run: 'keypair create --public-key {dir}/key.pub mine', has: { name: 'mine' } },
  { run: 'security group create web', has: { name: 'web' }, keep: { web: 'id' } },
  { run: 'network show private', has: { name: 'private' }, keep: { private: 'id' } },
  {
    run: 'port create --network private --fixed-ip ip-address=10.0.0.66 plug',
    has: { status: 'DOWN' },
    keep: { plug: 'id' },
  },
  { run: 'image show pileus-demo', has: { status: 'active' }, keep: { image: 'id' } },
  { run: 'flavor show m1.nano', has: { name: 'm1.nano' }, keep: { flavor: 'id' } },
];

const create: readonly Step[] = [
  {
    run: `${BOOT} --network private --key-name mine --security-group web --user-data {dir}/user-data --property role=web --property tier=1 --wait one`,
    alone: true,
    has: {
      id: UUID,
      name: 'one',
      status: 'ACTIVE',
      key_name: 'mine',
      image: /^pileus-demo \({image}\)$/,
      flavor: /^m1\.nano/,
      addresses: { private: [/^10\.0\.0\.\d+$/] },
      properties: { role: 'web', tier: '1' },
      security_groups: [{ name: 'web' }],
      'OS-EXT-STS:vm_state': 'active',
      'OS-EXT-STS:task_state': null,
      'OS-EXT-STS:power_state': /Running|1/,
    },
    keep: { one: 'id', oneIp: 'addresses.private.0' },
  },
  {
    run: 'port list --server one',
    rows: [{ Status: 'ACTIVE' }],
    count: 1,
    keep: { onePort: '0.ID' },
    withinMs: 10_000,
  },
  {
    run: 'port show {onePort}',
    has: {
      device_id: '{one}',
      device_owner: /^compute:/,
      security_group_ids: ['{web}'],
      network_id: '{private}',
    },
  },
  {
    run: `${BOOT} --nic net-id={private},v4-fixed-ip=10.0.0.77 nic`,
    has: { status: 'BUILD', adminPass: /./ },
    keep: { nic: 'id' },
  },
  becomesActive('nic', { addresses: { private: ['10.0.0.77'] } }),
  { run: `${BOOT} --port plug --config-drive True port`, has: { status: 'BUILD', config_drive: 'True' } },
  becomesActive('port', { addresses: { private: ['10.0.0.66'] }, config_drive: 'True' }),
  { run: 'port show plug', has: { device_owner: /^compute:/, status: 'ACTIVE' }, withinMs: 10_000 },
  { run: `${BOOT} --nic none lonely`, as: 'newest', has: { name: 'lonely' } },
  { ...becomesActive('lonely', { addresses: empty }), as: 'newest' },
  {
    run: `${BOOT} --nic auto --tag red --description "Of all" --hostname inner picked`,
    as: 'newest',
    has: { tags: ['red'], description: 'Of all' },
  },
  {
    ...becomesActive('picked', { addresses: { private: [/^10\./] }, tags: ['red'], description: 'Of all' }),
    as: 'newest',
  },
  {
    run: 'server group create --policy affinity together',
    has: { name: 'together', policy: 'affinity' },
    keep: { together: 'id' },
  },
  {
    run: `${BOOT} --network private --availability-zone nova --hint group={together} --min 2 --max 2 pair`,
    has: { name: /^pair-[12]$/ },
  },
  becomesActive('pair-1', { 'OS-EXT-AZ:availability_zone': 'nova' }),
  becomesActive('pair-2'),
  { run: 'server group show together', has: { members: /[0-9a-f-]{36}.*[0-9a-f-]{36}/ } },
  {
    run: 'server list --all-projects --name ^pair --long',
    as: 'admin',
    count: 2,
    keep: { pairHost: '0.Host', pairHost2: '1.Host' },
  },
  { run: 'server list --all-projects --host {pairHost} --name ^pair', as: 'admin', count: 2 },
  { run: `${BOOT} --network private --hint same_host={one} near`, has: { name: 'near' } },
  becomesActive('near'),
  {
    run: 'server show {one}',
    as: 'admin',
    has: { 'OS-EXT-SRV-ATTR:instance_name': /./ },
    keep: { oneHost: 'OS-EXT-SRV-ATTR:host' },
  },
  { run: 'server show near', fails: /No [sS]erver/, as: 'stranger' },
  { run: 'server list --all-projects --host {oneHost} --name ^near', as: 'admin', count: 1 },
  {
    run: `${BOOT} --nic none --hint different_host={one} far`,
    on: 'models',
    as: 'newest',
    has: { name: 'far' },
  },
  { ...becomesActive('far'), on: 'models', as: 'newest' },
  { run: 'server list --all-projects --host {oneHost} --name ^far', on: 'models', as: 'admin', count: 0 },
  { run: 'server delete --wait far', on: 'models' },
];

const find: readonly Step[] = [
  {
    run: 'server list',
    alone: true,
    rows: [
      {
        ID: '{one}',
        Name: 'one',
        Status: 'ACTIVE',
        Networks: { private: ['{oneIp}'] },
        Image: 'pileus-demo',
        Flavor: 'm1.nano',
      },
    ],
    count: 8,
  },
  {
    run: 'server list --long',
    rows: [
      {
        ID: '{one}',
        'Task State': /none|null/i,
        'Power State': /Running|1/,
        'Availability Zone': 'nova',
        Properties: { role: 'web' },
      },
    ],
  },
  { run: 'server list --no-name-lookup', rows: [{ ID: '{one}', Name: 'one' }] },
  { run: 'server list --name ^o', rows: [{ Name: 'one' }], count: 1 },
  { run: 'server list --ip 10.0.0.77', rows: [{ Name: 'nic' }], count: 1 },
  { run: 'server list --status ACTIVE', count: 8 },
  { run: 'server list --status SHUTOFF', count: 0 },
  { run: 'server list --flavor m1.nano', count: 8 },
  { run: 'server list --flavor m1.large', count: 0 },
  { run: 'server list --image pileus-demo', count: 8 },
  { run: 'server list --limit 2', count: 2 },
  { run: 'server list --limit 1 --marker {one}', count: 0 },
  { run: 'server list --changes-since 2999-01-01T00:00:00Z', count: 0 },
  { run: 'server list --changes-since 2020-01-01T00:00:00Z', rows: [{ ID: '{one}' }] },
  { run: 'server list --changes-before 2020-01-01T00:00:00Z', as: 'newest', count: 0 },
  { run: 'server list --tags red', as: 'newest', rows: [{ Name: 'picked' }], count: 1 },
  { run: 'server list --not-tags red', as: 'newest', lacks: [{ Name: 'picked' }], count: 7 },
  { run: 'server list --locked', as: 'newest', count: 0 },
  { run: 'server list --unlocked', as: 'newest', count: 8 },
  { run: 'server list --key-name mine', as: 'newest', rows: [{ Name: 'one' }], count: 1 },
  { run: 'server list --availability-zone nova', as: 'newest', count: 8 },
  { run: 'server list --config-drive', as: 'newest', rows: [{ Name: 'port' }], count: 1 },
  { run: 'server list --no-config-drive', as: 'newest', lacks: [{ Name: 'port' }], count: 7 },
  { run: 'server list --vm-state active', as: 'newest', count: 8 },
  { run: 'server list --power-state running', as: 'newest', count: 8 },
  { run: 'server list --task-state spawning', as: 'newest', count: 0 },
  { run: 'server list --ip6 fd00:10', as: 'newest', lacks: [{ Name: 'lonely' }] },
  { run: 'server list', as: 'stranger', count: 0 },
  { run: 'server list --all-projects', as: 'stranger', fails: /403|Policy/ },
  { run: 'server list --all-projects --name ^one$', as: 'admin', rows: [{ ID: '{one}' }], count: 1 },
  { run: 'server list --project demo --name ^one$', as: 'admin', count: 1 },
  { run: 'server list --project stranger', as: 'admin', count: 0 },
  { run: 'server list --all-projects --user demo --name ^one$', as: 'admin', count: 1 },
  {
    run: 'server show one',
    has: {
      id: '{one}',
      name: 'one',
      user_id: /^[0-9a-f]{32}$/,
      project_id: /^[0-9a-f]{32}$/,
      hostId: /^[0-9a-f]{56}$/,
      created: /Z$/,
      'OS-DCF:diskConfig': 'MANUAL',
    },
  },
  {
    run: 'resource provider allocation show {one}',
    as: 'admin',
    rows: [{ resources: { VCPU: 1 } }],
    count: 1,
  },
  {
    run: 'usage show',
    has: { Servers: (value) => Array.isArray(value) && value.length >= 8 },
    text: /Usage from/,
  },
  { run: 'limits show --absolute', rows: [{ Name: 'totalInstancesUsed', Value: 8 }] },
];

const refuse: readonly Step[] = [
  {
    run: 'server create --image absent --flavor m1.nano --network private no',
    fails: /No Image found for absent|Could not find/,
  },
  {
    run: 'server create --image pileus-demo --flavor absent --network private no',
    fails: /No Flavor found for absent|No flavor with a name or ID of 'absent' exists/i,
  },
  { run: `${BOOT} --network absent no`, fails: /No Network found for absent/ },
  { run: `${BOOT} --network private --key-name absent no`, fails: /Invalid key_name provided/ },
  {
    run: `${BOOT} --network private --security-group absent no`,
    fails: /Security group absent not found|Unable to find security_group|No SecurityGroup found for absent/,
  },
  {
    run: `${BOOT} --network private --availability-zone absent no`,
    fails: /The requested availability zone is not available/,
  },
  { run: `${BOOT} --nic net-id=absent no`, fails: /No Network found for absent/ },
  { run: `${BOOT} --nic port-id={onePort} no`, fails: /in use/i },
  { run: `${BOOT} --nic net-id={private},v4-fixed-ip=10.0.0.77 no`, fails: /in use|already/i },
  { run: `${BOOT} --nic bogus=1 no`, fails: /Invalid argument bogus|error/i },
  { run: `${BOOT} --network private --min 3 --max 2 no`, fails: /min instances should be <= max instances/ },
  { run: `${BOOT} --network private --property broken no`, fails: /Expected 'key=value' type/ },
  { run: `${BOOT} --network private --user-data {dir}/absent no`, fails: /Can't open '.*absent'/ },
  { run: 'server create --flavor m1.nano no', fails: /one of the arguments .*--image.* is required/ },
  { run: `${BOOT} --network {private} no`, as: 'stranger', fails: /No Network found for/ },
  { run: `${BOOT} --port {plug} --nic none no`, as: 'stranger', fails: /No Port found for|none/ },
  { run: 'quota set --instances 0 stranger', as: 'admin' },
  {
    run: `${BOOT} --nic none no`,
    as: 'strangerNewest',
    fails: /Quota exceeded for instances: Requested 1, but already used 0 of 0 instances/,
  },
  { run: 'server list --all-projects --name ^no$', as: 'admin', count: 0 },
  { run: 'server show {one}', as: 'stranger', fails: /No [sS]erver/ },
  { run: 'server delete {one}', as: 'stranger', fails: /No [sS]erver/ },
  { run: 'server show absent', fails: /No [sS]erver.*absent/ },
  {
    run: `server create --image pileus-demo --flavor huge --nic none big`,
    as: 'newestAdmin',
    has: { name: 'big' },
  },
  {
    run: 'server show big',
    as: 'newestAdmin',
    has: { status: 'ERROR', fault: { message: /of \d+ hosts?: .*not enough/ } },
    withinMs: 20_000,
  },
  { run: 'server delete big', as: 'newestAdmin' },
  { run: 'server list', as: 'newestAdmin', count: 0, withinMs: 20_000 },
];

const remove: readonly Step[] = [
  { run: 'server delete --wait one', alone: true },
  { run: 'server show one', fails: /No [sS]erver.*one/ },
  { run: 'port show {onePort}', fails: /No Port found/ },
  { run: 'resource provider allocation show {one}', as: 'admin', count: 0 },
  {
    run: 'server list --deleted --all-projects --name ^one$',
    as: 'admin',
    rows: [{ ID: '{one}', Status: 'DELETED' }],
    count: 1,
  },
  { run: 'server delete nic port lonely picked pair-1 pair-2 near' },
  { run: 'server list', count: 0, withinMs: LAUNCH_MS },
  { run: 'port show plug', has: { id: '{plug}', device_id: '', status: 'DOWN' }, withinMs: 10_000 },
  { run: 'port list --device-owner compute:nova', count: 0 },
  { run: 'server group delete together' },
  { run: 'server group list', count: 0 },
  { run: 'port delete plug' },
  { run: 'security group delete web' },
  { run: 'keypair delete mine' },
  { run: 'server delete {one}', fails: /No [sS]erver/ },
];

export const serverCreate: Area = {
  name: 'server create',
  as: 'demo',
  people: {
    stranger: STRANGER,
    strangerNewest: { ...STRANGER, env: NEWEST_COMPUTE },
    newest,
    newestAdmin,
  },
  files: { 'key.pub': PUBLIC_KEY, 'user-data': '#!/bin/sh\necho ran > /var/ran\n' },
  steps: [
    ...ground,
    { run: 'quota set --ram -1 admin', as: 'admin' },
    { run: 'flavor create --ram 90000000 --vcpus 1 --disk 1 huge', as: 'admin', has: { name: 'huge' } },
    ...create,
    ...find,
    ...refuse.map((step): Step => ({ on: 'models', ...step })), // no guest is needed to be told no
    ...remove,
  ],
};
