// An administrator moves volumes between the backends of two hosts; what is refused, and that every byte has come along.
import type { Area, Step } from '../conversation.ts';

const WORK_MS = 60_000;

const settles = (has: object): Step => ({
  run: 'volume show moved',
  has: { status: 'available', ...has },
  withinMs: WORK_MS,
});

/** The volume's content as an image, for its checksum. */
const upload = (name: string, has: object = {}): readonly Step[] => [
  { run: `image create --volume moved ${name}`, has: { image_name: name } },
  {
    run: `image show ${name}`,
    has: { status: 'active', properties: { os_hash_algo: 'sha512', ...has } },
    keep: { [`${name}Hash`]: 'properties.os_hash_value' },
    withinMs: WORK_MS,
  },
  settles({}),
];

const twoBackends: readonly Step[] = [
  {
    run: 'volume service list --service cinder-volume',
    count: 2,
    keep: { one: '0.Host', two: '1.Host' },
  },
  // It is to be on the first.
  { run: 'volume service set --disable {two} cinder-volume' },
  { run: 'volume create --image pileus-demo --size 1 moved', has: { size: 1 } },
  settles({ 'os-vol-host-attr:host': /^{one}#/, migration_status: null }),
  ...upload('before'),
];

const refusals: readonly Step[] = [
  { run: 'volume migrate --host {two} moved', fails: /can't take the volume/ },
  { run: 'volume service set --enable {two} cinder-volume' },
  { run: 'volume migrate --host {one} moved', fails: /is on .* already/ },
  { run: 'volume migrate --host {two}#other moved', fails: /no such pool/ },
  { run: 'volume migrate --host {two} moved', as: 'demo', fails: /No volume with a name or ID|Policy|403/ },
  { run: 'volume snapshot create --volume moved taken' },
  { run: 'volume snapshot show taken', has: { status: 'available' }, withinMs: WORK_MS },
  { run: 'volume migrate --host {two} moved', fails: /must not have snapshots/ },
  { run: 'volume snapshot delete taken' },
  { run: 'volume snapshot list --all-projects', count: 0, withinMs: WORK_MS },
  { run: 'volume type create --property volume_backend_name=nowhere elsewhere' },
  { run: 'volume set --type elsewhere --retype-policy on-demand moved', fails: /No storage backend fits/ },
  settles({ 'os-vol-host-attr:host': /^{one}#/, migration_status: null }),
];

const moves: readonly Step[] = [
  { run: 'volume migrate --host {two} moved', alone: true },
  settles({ 'os-vol-host-attr:host': /^{two}#/, migration_status: 'success', bootable: 'true', size: 1 }),
  ...upload('after', { os_hash_value: '{beforeHash}' }),
  { run: 'volume set --size 2 moved' },
  settles({ size: 2 }),
  { run: 'volume migrate --force-host-copy --lock-volume --host {one} moved' },
  settles({ 'os-vol-host-attr:host': /^{one}#/, migration_status: 'success', size: 2 }),
  { run: 'volume create --source moved clone' },
  {
    run: 'volume show clone',
    has: { 'os-vol-host-attr:host': /^{one}#/, status: 'available' },
    withinMs: WORK_MS,
  },
  { run: 'volume delete moved clone' },
  { run: 'volume list --all-projects', count: 0, withinMs: WORK_MS },
  { run: 'image delete before after' },
];

export const volumeMigrate: Area = {
  name: 'volumes that move',
  as: 'admin',
  steps: [...twoBackends, ...refusals, ...moves],
};
