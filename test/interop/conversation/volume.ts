// Volumes as their owners have them: create, find, change, snapshot, transfer, back up, delete; and what is refused.
import { isDeepStrictEqual } from 'node:util';
import type { Area, Person, Step } from '../conversation.ts';
import { consistency } from './volume-groups.ts';
import { STRANGER, strangerArrives } from './stranger.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const WORK_MS = 30_000;

/** The newest that this client knows; its default is 3.0. */
export const NEWEST_VOLUME = { OS_VOLUME_API_VERSION: '3.70' };
export const newestVolume: Person = { like: 'demo', env: NEWEST_VOLUME };
export const newestVolumeAdmin: Person = { like: 'admin', env: NEWEST_VOLUME };

const isExactly = (value: unknown, wished: object): boolean => isDeepStrictEqual(value, wished);

/** Said again until the work behind the answer has come to its end. */
const becomes = (what: string, status: string, has: object = {}): Step => ({
  run: what,
  has: { status, ...has },
  withinMs: WORK_MS,
});

const create: readonly Step[] = [
  {
    run: 'volume create --size 1 --description "The first" --property tier=gold --property room=2 one',
    alone: true,
    has: {
      id: UUID,
      name: 'one',
      description: 'The first',
      size: 1,
      status: 'creating',
      type: '__DEFAULT__',
      properties: { tier: 'gold', room: '2' },
      attachments: [],
      bootable: 'false',
      encrypted: false,
      multiattach: false,
      snapshot_id: null,
      source_volid: null,
      availability_zone: 'nova',
      user_id: /^[0-9a-f]{32}$/,
    },
    keep: { one: 'id' },
  },
  becomes('volume show one', 'available', { id: '{one}', properties: { tier: 'gold', room: '2' } }),
  { run: 'volume create --source one clone', has: { size: 1, source_volid: '{one}' }, keep: { clone: 'id' } },
  becomes('volume show clone', 'available'),
  { run: 'volume create --source {one} --size 2 larger', has: { size: 2 } },
  becomes('volume show larger', 'available', { size: 2 }),
  {
    run: 'volume create --image pileus-demo --size 1 boot',
    has: { name: 'boot', size: 1 },
    keep: { boot: 'id' },
  },
  becomes('volume show boot', 'available', {
    bootable: 'true',
    volume_image_metadata: { image_name: 'pileus-demo', container_format: 'bare', image_id: UUID },
  }),
  {
    run: 'volume create --size 1 --type __DEFAULT__ --availability-zone nova --bootable --read-only flagged',
    has: { name: 'flagged' },
  },
  becomes('volume show flagged', 'available', { bootable: 'true', properties: { readonly: 'True' } }),
  { run: 'volume create --size 1 --hint different_host={one} hinted', has: { name: 'hinted' } },
  { run: 'volume delete hinted', withinMs: WORK_MS },
  { run: 'volume list --name hinted', count: 0, withinMs: WORK_MS },
];

const find: readonly Step[] = [
  {
    run: 'volume list',
    alone: true,
    rows: [{ ID: '{one}', Name: 'one', Status: 'available', Size: 1, 'Attached to': [] }],
    count: 5,
  },
  {
    run: 'volume list --long',
    rows: [
      {
        ID: '{one}',
        Type: '__DEFAULT__',
        Bootable: 'false',
        'Attached to': [],
        Properties: { tier: 'gold', room: '2' },
      },
    ],
  },
  { run: 'volume list --name clone', rows: [{ ID: '{clone}' }], count: 1 },
  { run: 'volume list --status available', count: 5 },
  { run: 'volume list --status in-use', count: 0 },
  { run: 'volume list --limit 2', count: 2 },
  { run: 'volume list --marker {one}', count: 0 },
  { run: 'volume list --limit 2 --marker {clone}', rows: [{ ID: '{one}' }], count: 1 },
  { run: 'volume list', as: 'newestVolume', count: 5 },
  { run: 'volume list', as: 'stranger', count: 0 },
  { run: 'volume list --all-projects', as: 'admin', count: 5 },
  { run: 'volume list --project demo --name one', as: 'admin', rows: [{ ID: '{one}' }], count: 1 },
  { run: 'volume list --project stranger', as: 'admin', count: 0 },
  { run: 'volume list --all-projects --user demo', as: 'admin', count: 5 },
  { run: 'volume list', as: 'admin', count: 0 },
  {
    run: 'volume show {one}',
    as: 'admin',
    has: { id: '{one}', 'os-vol-host-attr:host': /@.*#/, 'os-vol-tenant-attr:tenant_id': /^[0-9a-f]{32}$/ },
    keep: { oneHost: 'os-vol-host-attr:host' },
  },
  {
    run: 'volume show one',
    has: (volume) => !('os-vol-host-attr:host' in (volume as object)),
  },
  {
    run: 'volume show one',
    as: 'newestVolume',
    has: { volume_type_id: UUID, consumes_quota: true, group_id: null },
  },
];

const change: readonly Step[] = [
  { run: 'volume set --name uno --description "Still the first" --property tier=silver --size 3 one' },
  becomes('volume show uno', 'available', {
    id: '{one}',
    size: 3,
    description: 'Still the first',
    properties: { tier: 'silver', room: '2' },
  }),
  { run: 'volume set --size 2 uno', fails: /New size must be greater than 3 GB/ },
  { run: 'volume set --size 999999 uno', fails: /exceeds the allowed gigabytes quota/ },
  { run: 'volume unset --property tier uno' },
  { run: 'volume show uno', has: { properties: (all) => isExactly(all, { room: '2' }) } },
  { run: 'volume set --no-property --property new=1 uno' },
  { run: 'volume show uno', has: { properties: (all) => isExactly(all, { new: '1' }) } },
  { run: 'volume set --bootable --image-property os_distro=debian uno' },
  { run: 'volume show uno', has: { bootable: 'true', volume_image_metadata: { os_distro: 'debian' } } },
  { run: 'volume unset --image-property os_distro uno' },
  { run: 'volume set --non-bootable --read-only uno' },
  {
    run: 'volume show uno',
    has: (volume) =>
      !('volume_image_metadata' in (volume as object)) &&
      (volume as { bootable: string }).bootable === 'false',
  },
  { run: 'volume set --read-write --name one uno' },
  { run: 'volume set --state error one', fails: /Policy doesn't allow|403/ },
  { run: 'volume set --state error {one}', as: 'admin' },
  { run: 'volume show one', has: { status: 'error' } },
  { run: 'volume set --state available {one}', as: 'admin' },
  { run: 'volume show one', has: { status: 'available' } },
  { run: 'volume set --name mine {one}', as: 'stranger', fails: /No volume with a name or ID/ },
  { run: 'image create --volume clone written', has: { status: /uploading|available/ } },
  {
    run: 'image show written',
    has: { status: 'active', disk_format: 'raw', container_format: 'bare', size: 1024 ** 3 },
    withinMs: 60_000,
  },
  becomes('volume show clone', 'available'),
  { run: 'image delete written' },
];

const snapshot: readonly Step[] = [
  {
    run: 'volume snapshot create --volume one --description "Before the change" --property why=test shot',
    has: {
      id: UUID,
      name: 'shot',
      description: 'Before the change',
      volume_id: '{one}',
      size: 3,
      status: 'creating',
      properties: { why: 'test' },
    },
    keep: { shot: 'id' },
  },
  becomes('volume snapshot show shot', 'available', {
    id: '{shot}',
    properties: { why: 'test' },
    'os-extended-snapshot-attributes:progress': '100%',
  }),
  {
    run: 'volume snapshot list',
    alone: true,
    rows: [{ ID: '{shot}', Name: 'shot', Description: 'Before the change', Status: 'available', Size: 3 }],
    count: 1,
  },
  { run: 'volume snapshot list --long', rows: [{ ID: '{shot}', Properties: { why: 'test' } }], text: /one/ },
  { run: 'volume snapshot list --volume one', count: 1 },
  { run: 'volume snapshot list --volume clone', count: 0 },
  { run: 'volume snapshot list --status error', count: 0 },
  { run: 'volume snapshot list --name shot', count: 1 },
  { run: 'volume snapshot list --all-projects', as: 'admin', count: 1 },
  { run: 'volume snapshot list', as: 'stranger', count: 0 },
  { run: 'volume snapshot set --name shoot --description After --property when=now shot' },
  {
    run: 'volume snapshot show shoot',
    has: { description: 'After', properties: { why: 'test', when: 'now' } },
  },
  { run: 'volume snapshot unset --property why shoot' },
  { run: 'volume snapshot set --no-property shoot' },
  { run: 'volume snapshot show shoot', has: { properties: (all) => isExactly(all, {}) } },
  { run: 'volume snapshot set --state error {shot}', as: 'admin' },
  { run: 'volume snapshot show shoot', has: { status: 'error' } },
  { run: 'volume create --snapshot shoot no', fails: /status|available/i },
  { run: 'volume snapshot set --state available {shot}', as: 'admin' },
  { run: 'volume create --snapshot shoot child', has: { snapshot_id: '{shot}', size: 3 } },
  becomes('volume show child', 'available', { snapshot_id: '{shot}' }),
  { run: 'volume delete one', fails: /snapshot/ },
  { run: 'volume snapshot show {shot}', as: 'stranger', fails: /No (volume)?snapshot with a name or ID/i },
  { run: 'volume delete child' },
  { run: 'volume list --name child', count: 0, withinMs: WORK_MS },
  { run: 'volume snapshot delete shoot' },
  { run: 'volume snapshot list', count: 0, withinMs: WORK_MS },
];

const transfer: readonly Step[] = [
  {
    run: 'volume transfer request create --name gift clone',
    has: { id: UUID, name: 'gift', volume_id: '{clone}', auth_key: /^[0-9a-f]{16,}$/ },
    keep: { gift: 'id', giftKey: 'auth_key' },
  },
  { run: 'volume show clone', has: { status: 'awaiting-transfer' } },
  {
    run: 'volume transfer request list',
    rows: [{ ID: '{gift}', Name: 'gift', Volume: '{clone}' }],
    count: 1,
  },
  {
    run: 'volume transfer request show gift',
    has: { id: '{gift}', volume_id: '{clone}' },
  },
  { run: 'volume transfer request list', as: 'stranger', count: 0 },
  { run: 'volume transfer request create one', has: { name: null }, keep: { second: 'id' } },
  { run: 'volume transfer request delete {second}' },
  { run: 'volume show one', has: { status: 'available' } },
  {
    run: 'volume transfer request accept --auth-key wrong {gift}',
    as: 'stranger',
    fails: /auth_key|auth key|not match|incorrect/i,
  },
  {
    run: 'volume transfer request accept --auth-key {giftKey} {gift}',
    as: 'stranger',
    has: { id: '{gift}', volume_id: '{clone}', name: 'gift' },
  },
  { run: 'volume show {clone}', fails: /No volume with a name or ID/ },
  { run: 'volume list', as: 'stranger', rows: [{ ID: '{clone}', Status: 'available' }], count: 1 },
  { run: 'volume transfer request create --no-snapshots {clone}', as: 'strangerNewest', has: { id: UUID } },
  { run: 'volume transfer request list --all-projects', as: 'admin', count: 1, keep: { third: '0.ID' } },
  { run: 'volume transfer request delete {third}', as: 'stranger' },
  { run: 'volume delete clone', as: 'stranger' },
  { run: 'volume list', as: 'stranger', count: 0, withinMs: WORK_MS },
];

const backup: readonly Step[] = [
  {
    run: 'volume backup create --name full --description "All of it" one',
    has: { id: UUID, name: 'full' },
    keep: { full: 'id' },
  },
  becomes('volume backup show full', 'available', {
    id: '{full}',
    description: 'All of it',
    volume_id: '{one}',
    size: 3,
    is_incremental: false,
    fail_reason: null,
  }),
  { run: 'volume backup create --name more --incremental one', has: { name: 'more' }, keep: { more: 'id' } },
  becomes('volume backup show more', 'available', { is_incremental: true }),
  {
    run: 'volume backup list',
    alone: true,
    rows: [{ ID: '{full}', Name: 'full', Description: 'All of it', Status: 'available', Size: 3 }],
    count: 2,
  },
  { run: 'volume backup list --long', rows: [{ ID: '{more}', 'Availability Zone': 'nova' }], text: /one/ },
  { run: 'volume backup list --volume one', count: 2 },
  { run: 'volume backup list --name more', rows: [{ ID: '{more}' }], count: 1 },
  { run: 'volume backup list --status available --limit 1', count: 1 },
  { run: 'volume backup list --all-projects', as: 'admin', count: 2 },
  { run: 'volume backup list', as: 'stranger', count: 0 },
  { run: 'volume backup set --name whole --description Whole --property kept=yes full', as: 'newestVolume' },
  {
    run: 'volume backup show whole',
    as: 'newestVolume',
    has: { id: '{full}', description: 'Whole', metadata: { kept: 'yes' } },
  },
  { run: 'volume backup unset --property kept whole', as: 'newestVolume' },
  { run: 'volume backup set --state error {full}', as: 'admin' },
  { run: 'volume backup set --state available {full}', as: 'admin' },
  { run: 'volume backup delete whole', fails: /[Ii]ncremental|[Dd]epend/ },
  // The client asks for it and then cannot print the answer, whatever it is.
  { run: 'volume backup restore more', fails: /cannot unpack non-iterable VolumeBackupsRestore/ },
  { run: 'volume list --name restore_backup_{more}', count: 1, keep: { restored: '0.ID' } },
  becomes('volume show {restored}', 'available', { size: 3 }),
  { run: 'volume backup restore --force more larger', fails: /size|smaller|too small/i },
  { run: 'volume delete {restored}' },
  {
    run: 'volume backup record export {more}',
    as: 'admin',
    has: { backup_service: /./, backup_url: /./ },
  },
  { run: 'volume backup show {full}', as: 'stranger', fails: /No (volume)?backup with a name or ID/i },
  { run: 'volume backup delete more' },
  { run: 'volume backup list', count: 1, withinMs: WORK_MS },
  { run: 'volume backup delete whole' },
  { run: 'volume backup list', count: 0, withinMs: WORK_MS },
];

const refuse: readonly Step[] = [
  { run: 'volume create no', fails: /--size is a required option/ },
  { run: 'volume create --size 0 no', fails: /size|must be/i },
  { run: 'volume create --size 1 --type absent no', fails: /[Vv]olume type/ },
  { run: 'volume create --size 1 --availability-zone absent no', fails: /[Aa]vailability zone/ },
  { run: 'volume create --size 1 --image absent no', fails: /No Image found for absent|Could not find/ },
  { run: 'volume create --snapshot absent no', fails: /No (volume)?snapshot with a name or ID of 'absent'/i },
  { run: 'volume create --source absent no', fails: /No volume with a name or ID of 'absent'/ },
  { run: 'volume create --source larger --size 1 no', fails: /size/i },
  { run: 'volume create --size 99999 no', fails: /exceeds the allowed gigabytes quota/ },
  { run: 'volume show absent', fails: /No volume with a name or ID of 'absent' exists/ },
  { run: 'volume show {one}', as: 'stranger', fails: /No volume with a name or ID/ },
  {
    run: 'volume delete {one}',
    as: 'stranger',
    fails: /Failed to delete volume[\s\S]*1 of 1 volumes failed/,
  },
  { run: 'volume delete --force one', fails: /Policy doesn't allow|403/ },
  { run: 'volume list --all-projects', as: 'stranger', count: 0 },
  { run: 'volume migrate --host {oneHost} one', fails: /Policy doesn't allow|403/ },
  { run: 'volume set --type absent one', fails: /No volumetype with a name or ID of 'absent'/i },
  { run: 'volume backup create absent', fails: /No volume with a name or ID of 'absent'/ },
];

const remove: readonly Step[] = [
  { run: 'volume snapshot create --volume one last', has: { name: 'last' } },
  becomes('volume snapshot show last', 'available'),
  { run: 'volume delete --purge one', alone: true },
  { run: 'volume delete --force {boot}', as: 'admin' },
  { run: 'volume delete larger flagged' },
  { run: 'volume list', count: 0, withinMs: WORK_MS },
  { run: 'volume snapshot list', count: 0 },
  { run: 'volume show {one}', fails: /No volume with a name or ID/ },
  { run: 'volume delete {one}', fails: /No volume with a name or ID/ },
];

export const volume: Area = {
  name: 'volume',
  as: 'demo',
  people: {
    stranger: STRANGER,
    strangerNewest: { ...STRANGER, env: NEWEST_VOLUME },
    newestVolume,
  },
  steps: [
    ...strangerArrives,
    ...create,
    ...find,
    ...change,
    ...snapshot,
    ...transfer,
    ...backup,
    ...consistency,
    ...refuse,
    ...remove,
  ],
};
