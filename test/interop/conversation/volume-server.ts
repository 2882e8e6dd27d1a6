// Servers with volumes: booted from them, given and taken them, and what the volume service says of it meanwhile.
import type { Area, Step } from '../conversation.ts';
import { hasStatus, launched, LAUNCH_MS, newest } from './server-ground.ts';
import { STRANGER, strangerArrives } from './stranger.ts';
import { NEWEST_VOLUME, newestVolume, newestVolumeAdmin } from './volume.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const BOOT = 'server create --flavor m1.nano --network private';

const isNoImage = (value: unknown): boolean => value === '' || /booted from volume/i.test(String(value));

const volumeHas = (name: string, status: string, has: object = {}): Step => ({
  run: `volume show ${name}`,
  has: { status, ...has },
  withinMs: LAUNCH_MS,
});

const newVolume = (name: string, options = ''): readonly Step[] => [
  { run: `volume create --size 1 ${options} ${name}`, has: { name }, keep: { [name]: 'id' } },
  volumeHas(name, 'available'),
];

/** Sooner than with --wait, which looks every five seconds. */
const deleted = (name: string): readonly Step[] => [
  { run: `server delete ${name}` },
  { run: `server show ${name}`, fails: /No server with a name or ID of/, withinMs: LAUNCH_MS },
];

const attach: readonly Step[] = [
  ...launched('one'),
  ...newVolume('data'),
  {
    run: 'server add volume --device /dev/vdc one data',
    has: { 'Server ID': '{one}', 'Volume ID': '{data}', Device: /^\/dev\/vd/ },
  },
  volumeHas('data', 'in-use', {
    attachments: [{ server_id: '{one}', volume_id: '{data}', device: /^\/dev\/vd/ }],
  }),
  {
    run: 'server volume list one',
    rows: [{ 'Server ID': '{one}', 'Volume ID': '{data}', Device: /^\/dev\/vd/ }],
    count: 1,
  },
  { run: 'server show one', has: { volumes_attached: [{ id: '{data}' }] } },
  { run: 'volume list --name data', rows: [{ Status: 'in-use' }], text: /Attached to one on \/dev\/vd/ },
  { run: 'volume list --status in-use', rows: [{ ID: '{data}' }], count: 1 },
  {
    run: 'volume attachment list',
    as: 'newestVolume',
    rows: [{ 'Volume ID': '{data}', 'Server ID': '{one}', Status: 'attached' }],
    count: 1,
    keep: { attachment: '0.ID' },
  },
  {
    run: 'volume attachment show {attachment}',
    as: 'newestVolume',
    has: { 'Volume ID': '{data}', 'Instance ID': '{one}', Status: 'attached', 'Attach Mode': 'rw' },
  },
  { run: 'volume attachment list --all-projects', as: 'newestVolumeAdmin', count: 1 },
  {
    run: 'volume attachment delete {attachment}',
    as: 'newestVolume',
    fails: /Server {one} uses volume {data}/,
  },
  { run: 'server add volume one data', fails: /in-use|already|available/i },
  { run: 'volume delete data', fails: /attached|in-use|status/i },
  { run: 'volume set --size 2 data', fails: /in in-use state/ },
  { run: 'volume set --size 2 data', as: 'newestVolume' },
  volumeHas('data', 'in-use', { size: 2 }),
  { run: 'volume snapshot create --volume data no', fails: /available/ },
  { run: 'volume snapshot create --force --volume data live', has: { name: 'live' } },
  { run: 'volume snapshot show live', has: { status: 'available' }, withinMs: LAUNCH_MS },
  { run: 'volume snapshot delete live' },
  { run: 'volume snapshot list', count: 0, withinMs: LAUNCH_MS },
  { run: 'server remove volume one data' },
  volumeHas('data', 'available', {
    attachments: (value: unknown) => Array.isArray(value) && value.length === 0,
  }),
  { run: 'server volume list one', count: 0 },
  { run: 'volume attachment list', as: 'newestVolume', count: 0 },
  { run: 'server remove volume one data', fails: /./ },
  {
    run: 'server add volume --tag disk --enable-delete-on-termination one data',
    as: 'newest',
    has: { 'Volume ID': '{data}', Tag: 'disk', 'Delete On Termination': true },
  },
  volumeHas('data', 'in-use'),
  {
    run: 'server volume list one',
    as: 'newest',
    rows: [{ 'Volume ID': '{data}', Tag: 'disk', 'Delete On Termination?': true, 'Attachment ID': UUID }],
    count: 1,
  },
  { run: 'server volume update --preserve-on-termination one {data}', as: 'newest' },
  { run: 'server volume list one', as: 'newest', rows: [{ 'Delete On Termination?': false }] },
  ...newVolume('doomed'),
  { run: 'server add volume --enable-delete-on-termination one doomed', as: 'newest', has: { Device: /vd/ } },
  volumeHas('doomed', 'in-use'),
  { run: 'server add volume one {data}', as: 'stranger', fails: /No [sS]erver found for/ },
  { run: 'server delete --wait one' },
  volumeHas('data', 'available'),
  { run: 'volume list --name doomed', count: 0, withinMs: LAUNCH_MS },
  { run: 'volume attachment list --all-projects', as: 'newestVolumeAdmin', count: 0 },
];

const boot: readonly Step[] = [
  {
    run: `${BOOT} --image pileus-demo --boot-from-volume 1 rooted`,
    has: { name: 'rooted', image: isNoImage },
    keep: { rooted: 'id' },
  },
  hasStatus('rooted', 'ACTIVE', { image: isNoImage, volumes_attached: [{ id: UUID }] }),
  {
    run: 'server volume list rooted',
    rows: [{ Device: '/dev/vda' }],
    count: 1,
    keep: { root: '0.Volume ID' },
  },
  volumeHas('{root}', 'in-use', {
    bootable: 'true',
    size: 1,
    volume_image_metadata: { image_name: 'pileus-demo' },
  }),
  { run: 'server list --name rooted', rows: [{ Name: 'rooted', Image: isNoImage }], count: 1 },
  { run: 'server remove volume rooted {root}', fails: /root/ },
  { run: 'server image create --name whole rooted', has: { name: 'whole' } },
  { run: 'image show whole', has: { status: 'active', size: 0 }, withinMs: LAUNCH_MS },
  {
    run: 'volume snapshot list --long',
    rows: [{ Status: 'available' }],
    count: 1,
    keep: { rootShot: '0.ID' },
    withinMs: LAUNCH_MS,
  },
  ...deleted('rooted'),
  volumeHas('{root}', 'available'),

  { run: `${BOOT} --volume {root} again`, has: { name: 'again' } },
  hasStatus('again', 'ACTIVE', { volumes_attached: [{ id: '{root}' }] }),
  { run: `${BOOT} --volume {root} no`, fails: /available|in-use/ },
  ...deleted('again'),

  { run: `${BOOT} --snapshot {rootShot} shot`, has: { name: 'shot' } },
  hasStatus('shot', 'ACTIVE'),
  { run: 'server volume list shot', count: 1, keep: { fromShot: '0.Volume ID' } },
  volumeHas('{fromShot}', 'in-use', { snapshot_id: '{rootShot}', bootable: 'true' }),
  ...deleted('shot'),
  { run: 'image delete whole' },

  {
    run: `${BOOT} --image pileus-demo --block-device source_type=volume,uuid={data} --block-device source_type=blank,destination_type=volume,volume_size=1,delete_on_termination=true,tag=scratch,volume_type=__DEFAULT__ mixed`,
    as: 'newest',
    has: { name: 'mixed' },
  },
  hasStatus('mixed', 'ACTIVE', { volumes_attached: [{ id: '{data}' }] }),
  {
    run: 'server volume list mixed',
    as: 'newest',
    rows: [
      { 'Volume ID': '{data}', 'Delete On Termination?': false },
      { Tag: 'scratch', 'Delete On Termination?': true },
    ],
    count: 2,
  },
  ...deleted('mixed'),
  volumeHas('data', 'available'),
  {
    run: `${BOOT} --volume {root} --block-device source_type=snapshot,uuid={rootShot},destination_type=volume,volume_size=1,delete_on_termination=true device`,
    has: { name: 'device', image: isNoImage },
  },
  hasStatus('device', 'ACTIVE', { image: isNoImage }),
  { run: 'server volume list device', rows: [{ 'Volume ID': '{root}', Device: '/dev/vda' }], count: 2 },
  ...deleted('device'),
  {
    run: `${BOOT} --image pileus-demo --block-device-mapping vdb={data}:volume::false legacy`,
    has: { name: 'legacy' },
  },
  hasStatus('legacy', 'ACTIVE', { volumes_attached: [{ id: '{data}' }] }),
  ...deleted('legacy'),
  { run: `${BOOT} --volume absent no`, fails: /No volume with a name or ID of 'absent'/ },
  { run: `${BOOT} --volume {data} no`, fails: /not bootable/ },
  { run: `${BOOT} --volume {data} --image pileus-demo no`, fails: /not allowed with argument/ },
  { run: 'server list', count: 0, withinMs: LAUNCH_MS },
  { run: 'volume list --status in-use', count: 0, withinMs: LAUNCH_MS },
  { run: 'volume snapshot delete {rootShot}', withinMs: LAUNCH_MS },
  { run: 'volume list', count: 3 },
  { run: 'volume snapshot list', count: 0, withinMs: LAUNCH_MS },
  { run: 'volume delete {root} {fromShot} {data}' },
  { run: 'volume list', count: 0, withinMs: LAUNCH_MS },
];

const ownAttachment: readonly Step[] = [
  ...launched('two'),
  ...newVolume('loose'),
  {
    run: 'volume attachment create loose two',
    as: 'newestVolume',
    has: { ID: UUID, 'Volume ID': '{loose}', 'Instance ID': '{two}', Status: 'reserved' },
    keep: { own: 'ID' },
  },
  volumeHas('loose', 'reserved'),
  { run: 'volume attachment list --status reserved', as: 'newestVolume', rows: [{ ID: '{own}' }], count: 1 },
  { run: 'volume attachment list --volume-id {loose}', as: 'newestVolume', count: 1 },
  { run: 'volume attachment show {own}', as: 'strangerVolume', fails: /could not be found|404/ },
  {
    run: 'volume attachment set --host elsewhere --ip 192.0.2.9 {own}',
    as: 'newestVolumeAdmin',
    has: { ID: '{own}', Status: 'attaching' },
  },
  { run: 'volume attachment complete {own}', as: 'newestVolumeAdmin' },
  volumeHas('loose', 'in-use'),
  // Compute knows nothing of it, so that whoever made it may end it.
  { run: 'volume attachment delete {own}', as: 'newestVolume' },
  volumeHas('loose', 'available'),
  ...deleted('two'),
  { run: 'volume delete loose' },
  { run: 'volume list --all-projects', as: 'admin', count: 0, withinMs: LAUNCH_MS },
];

export const volumeServer: Area = {
  name: 'volume and server',
  as: 'demo',
  people: {
    stranger: STRANGER,
    strangerVolume: { ...STRANGER, env: NEWEST_VOLUME },
    newest,
    newestVolume,
    newestVolumeAdmin,
  },
  steps: [...strangerArrives, ...attach, ...boot, ...ownAttachment],
};
