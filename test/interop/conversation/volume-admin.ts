// What operators keep of volumes and tenants read: types, qos, quotas, services, migration, messages, filters. The client
// has commands for pools and capabilities in version 2 of the API alone, and cannot show a filter that it can list.
import type { Area, Step } from '../conversation.ts';
import { STRANGER, strangerArrives } from './stranger.ts';
import { newestVolume, newestVolumeAdmin } from './volume.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const WORK_MS = 30_000;

const available = (name: string, has: object = {}): Step => ({
  run: `volume show ${name}`,
  as: 'demo',
  has: { status: 'available', ...has },
  withinMs: WORK_MS,
});

const hasNo = (member: string) => (value: unknown) => !(member in (value as object));

const services: readonly Step[] = [
  {
    run: 'volume service list',
    alone: true,
    rows: [
      { Binary: 'cinder-scheduler', Status: 'enabled', State: 'up', Zone: 'nova' },
      { Binary: 'cinder-volume', Status: 'enabled', State: 'up', Host: /@/ },
    ],
  },
  {
    run: 'volume service list --service cinder-volume --long',
    rows: [{ 'Disabled Reason': null }],
    keep: { backend: '0.Host' },
  },
  { run: 'volume service list --host {backend}', count: 1 },
  { run: 'volume service list --host absent', count: 0 },
  { run: 'volume service list', as: 'demo', fails: /Policy doesn't allow|403/ },
  { run: 'volume service set --disable --disable-reason "Under repair" {backend} cinder-volume' },
  {
    run: 'volume service list --service cinder-volume --long',
    rows: [{ Host: '{backend}', Status: 'disabled', 'Disabled Reason': 'Under repair' }],
  },
  { run: 'volume create --size 1 nowhere', as: 'demo', has: { name: 'nowhere' }, keep: { nowhere: 'id' } },
  { run: 'volume show nowhere', as: 'demo', has: { status: 'error' }, withinMs: WORK_MS },
  {
    run: 'volume message list',
    as: 'newestVolume',
    rows: [{ 'Resource UUID': '{nowhere}', 'Resource Type': 'VOLUME', 'Message Level': 'ERROR' }],
    keep: { message: '0.ID' },
  },
  {
    run: 'volume message show {message}',
    as: 'newestVolume',
    has: { id: '{message}', resource_uuid: '{nowhere}', user_message: /disabled|backend/i },
  },
  { run: 'volume message delete {message}', as: 'newestVolume' },
  { run: 'volume message list', as: 'newestVolume', lacks: [{ ID: '{message}' }] },
  { run: 'volume message list', as: 'demo', fails: /3\.3 or greater is required/ },
  { run: 'volume delete nowhere', as: 'demo' },
  { run: 'volume service set --enable {backend} cinder-volume' },
  { run: 'volume service list --host {backend}', rows: [{ Status: 'enabled' }] },
  { run: 'volume service set --disable absent cinder-volume', fails: /could not be found|404/i },
  {
    run: 'block storage resource filter list',
    as: 'newestVolume',
    rows: [{ Resource: 'volume', Filters: /name/ }],
  },
  { run: 'block storage cluster list', as: 'newestVolumeAdmin', count: 0 },
  {
    run: 'availability zone list --volume',
    as: 'demo',
    rows: [{ 'Zone Name': 'nova', 'Zone Status': 'available' }],
    count: 1,
  },
  { run: 'extension list --volume', as: 'demo', rows: [{ Alias: 'os-volume-transfer' }] },
];

const types: readonly Step[] = [
  { run: 'volume type list', as: 'demo', rows: [{ Name: '__DEFAULT__', 'Is Public': true }], count: 1 },
  { run: 'volume type list --default', as: 'demo', rows: [{ Name: '__DEFAULT__' }], count: 1 },
  {
    run: 'volume type create --description "Quick ones" --property speed=high quick',
    has: {
      id: UUID,
      name: 'quick',
      description: 'Quick ones',
      is_public: true,
      properties: { speed: 'high' },
    },
    keep: { quick: 'id' },
  },
  { run: 'volume type list --long', rows: [{ ID: '{quick}', Properties: { speed: 'high' } }], count: 2 },
  {
    run: 'volume type show quick',
    has: { id: '{quick}', properties: { speed: 'high' }, access_project_ids: null },
  },
  {
    run: 'volume type set --name swift --description Swift --property color=red --property multiattach="<is> True" quick',
  },
  { run: 'volume type unset --property speed swift' },
  {
    run: 'volume type show swift',
    has: { description: 'Swift', properties: { color: 'red', multiattach: '<is> True' } },
  },
  { run: 'volume type unset --property color swift' },
  {
    run: 'volume type create --private --project demo hidden',
    has: { name: 'hidden', is_public: false },
    keep: { hidden: 'id' },
  },
  { run: 'volume type show hidden', has: { access_project_ids: /^\["?[0-9a-f]{32}"?\]$/ } },
  { run: 'volume type list', as: 'demo', rows: [{ Name: 'hidden', 'Is Public': false }], count: 3 },
  { run: 'volume type list', as: 'stranger', lacks: [{ Name: 'hidden' }], count: 2 },
  { run: 'volume type list --private', rows: [{ Name: 'hidden' }], count: 1 },
  { run: 'volume type list --public', lacks: [{ Name: 'hidden' }] },
  { run: 'volume type set --project stranger hidden' },
  { run: 'volume type list', as: 'stranger', rows: [{ Name: 'hidden' }], count: 3 },
  { run: 'volume type unset --project stranger hidden' },
  { run: 'volume type list', as: 'stranger', count: 2 },
  {
    run: 'volume create --size 1 --type swift shared',
    as: 'demo',
    has: { type: 'swift', multiattach: true },
  },
  available('shared', { multiattach: true }),
  { run: 'volume create --size 1 --type hidden no', as: 'stranger', fails: /[Vv]olume type/ },
  { run: 'volume type create no', as: 'demo', fails: /Policy doesn't allow|403/ },
  { run: 'volume type create swift', fails: /already exists|409/ },
  { run: 'volume type delete swift', fails: /Failed to delete volume type/ },
  { run: 'volume type delete __DEFAULT__', fails: /Failed to delete volume type/ },
  { run: 'volume create --size 1 plain', as: 'demo', has: { type: '__DEFAULT__' }, keep: { plain: 'id' } },
  available('plain'),
  { run: 'volume set --type hidden plain', as: 'demo' },
  available('plain', { type: 'hidden' }),
  { run: 'volume delete shared plain', as: 'demo' },
  { run: 'volume list', as: 'demo', count: 0, withinMs: WORK_MS },
  {
    run: 'volume type create --property volume_backend_name=absent elsewhere',
    has: { name: 'elsewhere' },
  },
  { run: 'volume create --size 1 --type elsewhere lost', as: 'demo', has: { name: 'lost' } },
  { run: 'volume show lost', as: 'demo', has: { status: 'error' }, withinMs: WORK_MS },
  { run: 'volume delete lost', as: 'demo' },
  { run: 'volume list', as: 'demo', count: 0, withinMs: WORK_MS },
  { run: 'volume type delete elsewhere' },
];

const qos: readonly Step[] = [
  {
    run: 'volume qos create --consumer front-end --property total_iops_sec=500 slow',
    has: { id: UUID, name: 'slow', consumer: 'front-end', properties: { total_iops_sec: '500' } },
    keep: { slow: 'id' },
  },
  { run: 'volume qos associate slow swift' },
  {
    run: 'volume qos list',
    rows: [
      {
        ID: '{slow}',
        Name: 'slow',
        Consumer: 'front-end',
        Associations: ['swift'],
        Properties: { total_iops_sec: '500' },
      },
    ],
    count: 1,
  },
  { run: 'volume qos show slow', has: { id: '{slow}', associations: ['swift'] } },
  { run: 'volume type show swift', has: { qos_specs_id: '{slow}' } },
  { run: 'volume qos set --property read_iops_sec=100 slow' },
  { run: 'volume qos unset --property total_iops_sec slow' },
  {
    run: 'volume qos show slow',
    has: { properties: hasNo('total_iops_sec') },
  },
  { run: 'volume qos show slow', has: { properties: { read_iops_sec: '100' } } },
  { run: 'volume qos delete slow', fails: /associated|in use|entities/i },
  { run: 'volume qos disassociate --volume-type swift slow' },
  { run: 'volume qos associate slow hidden' },
  { run: 'volume qos disassociate --all slow' },
  { run: 'volume qos show slow', has: hasNo('associations') },
  { run: 'volume qos create no', as: 'demo', fails: /Policy doesn't allow|403/ },
  { run: 'volume qos create slow', fails: /already exists|409/ },
  { run: 'volume qos delete slow' },
  { run: 'volume qos list', count: 0 },
  { run: 'volume type delete swift hidden' },
  { run: 'volume type list', count: 1 },
];

const quotas: readonly Step[] = [
  {
    run: 'quota show',
    as: 'demo',
    has: { volumes: 10, gigabytes: 1000, snapshots: 10, backups: 10, 'backup-gigabytes': 1000 },
  },
  { run: 'quota set --volumes 2 --gigabytes 3 --snapshots 1 --per-volume-gigabytes 2 demo' },
  { run: 'quota show demo', has: { volumes: 2, gigabytes: 3, snapshots: 1, 'per-volume-gigabytes': 2 } },
  { run: 'quota list --volume', rows: [{ Volumes: 2, Gigabytes: 3, Snapshots: 1 }], count: 1 },
  { run: 'volume create --size 3 no', as: 'demo', fails: /exceeds the limit|per.volume|2G|2 ?GiB|maximum/i },
  { run: 'volume create --size 2 first', as: 'demo', has: { size: 2 } },
  { run: 'volume create --size 2 no', as: 'demo', fails: /gigabytes quota/ },
  { run: 'volume create --size 1 second', as: 'demo', has: { size: 1 } },
  { run: 'quota set --gigabytes -1 demo' },
  { run: 'volume create --size 1 no', as: 'demo', fails: /VolumeLimitExceeded|number of volumes|\(2\)/i },
  {
    run: 'limits show --absolute',
    as: 'demo',
    rows: [
      { Name: 'totalVolumesUsed', Value: 2 },
      { Name: 'totalGigabytesUsed', Value: 3 },
      { Name: 'maxTotalVolumes', Value: 2 },
      { Name: 'maxTotalVolumeGigabytes', Value: -1 },
    ],
  },
  available('first'),
  available('second'),
  { run: 'quota set --volumes 20 --volume-type __DEFAULT__ demo' },
  { run: 'quota show demo', has: { volumes___DEFAULT__: 20 } },
  { run: 'quota set --volumes 3 demo', as: 'demo', fails: /Policy doesn't allow|403|not authorized/i },
  { run: 'quota set --class --volumes 7 default' },
  { run: 'quota show', as: 'stranger', has: { volumes: 7 } },
  { run: 'quota show --default', as: 'stranger', has: { volumes: 7 } },
  { run: 'quota set --class --volumes 10 default' },
];

const migration: readonly Step[] = [
  {
    run: 'volume list --all-projects --name first',
    count: 1,
    keep: { first: '0.ID' },
  },
  {
    run: 'volume show {first}',
    has: { 'os-vol-host-attr:host': /^{backend}#/ },
    keep: { pool: 'os-vol-host-attr:host' },
  },
  { run: 'volume migrate --host absent@absent#absent {first}', fails: /no volume service on absent/ },
  { run: 'volume migrate --host {pool} {first}', fails: /is on .* already/ },
  { run: 'volume migrate --host {pool} {first}', as: 'demo', fails: /Policy doesn't allow|403/ },
  available('first'),
  { run: 'volume show {first}', has: { migration_status: null } },
  { run: 'volume delete first second', as: 'demo' },
  { run: 'volume list --all-projects', count: 0, withinMs: WORK_MS },
];

export const volumeAdmin: Area = {
  name: 'volume operators',
  as: 'admin',
  people: {
    stranger: STRANGER,
    newestVolume,
    newestVolumeAdmin,
  },
  steps: [...strangerArrives, ...services, ...types, ...qos, ...quotas, ...migration],
};
