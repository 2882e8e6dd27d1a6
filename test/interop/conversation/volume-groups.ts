// Consistency groups, for which the client has commands; it has none for groups. On models: not every storage can take snapshots
// of several volumes at one moment.
import type { Step } from '../conversation.ts';

const WORK_MS = 30_000;

const steps: readonly Step[] = [
  {
    run: 'consistency group create --volume-type __DEFAULT__ --description together tied',
    has: { name: 'tied' },
    keep: { tied: 'id' },
  },
  {
    run: 'consistency group show tied',
    has: { id: '{tied}', status: 'available', description: 'together', availability_zone: 'nova' },
  },
  {
    run: 'volume create --size 1 --type __DEFAULT__ --consistency-group tied first-tied',
    has: { consistencygroup_id: '{tied}' },
  },
  { run: 'volume create --size 1 --type __DEFAULT__ second-tied', has: { consistencygroup_id: null } },
  { run: 'volume show first-tied', has: { status: 'available' }, withinMs: WORK_MS },
  { run: 'volume show second-tied', has: { status: 'available' }, withinMs: WORK_MS },
  { run: 'consistency group add volume tied second-tied' },
  { run: 'volume show second-tied', has: { consistencygroup_id: '{tied}' } },
  { run: 'consistency group remove volume tied second-tied' },
  { run: 'volume show second-tied', has: { consistencygroup_id: null } },
  { run: 'consistency group add volume tied second-tied' },
  { run: 'consistency group set --name bound --description "for good" tied' },
  {
    run: 'consistency group list --long',
    rows: [{ ID: '{tied}', Name: 'bound', Status: 'available', Description: 'for good' }],
    count: 1,
  },
  { run: 'consistency group list', as: 'stranger', count: 0 },
  {
    run: 'consistency group show {tied}',
    as: 'stranger',
    fails: /No consistencygroup|could not be found|404/i,
  },
  {
    run: 'consistency group snapshot create --consistency-group bound --description moment moment',
    has: { name: 'moment' },
    keep: { moment: 'id' },
  },
  { run: 'consistency group snapshot show moment', has: { status: 'available' }, withinMs: WORK_MS },
  {
    run: 'consistency group snapshot list --long',
    rows: [{ ID: '{moment}', Name: 'moment', Status: 'available' }],
    count: 1,
  },
  // It is made; then this release of the client breaks over the answer.
  { run: 'consistency group create --consistency-group-snapshot moment again', fails: /_info/ },
  { run: 'consistency group show again', has: { status: 'available' }, withinMs: WORK_MS },
  { run: 'consistency group delete again', fails: /delete-volumes|volumes/ },
  { run: 'consistency group delete --force again' },
  { run: 'consistency group list', count: 1, withinMs: WORK_MS },
  { run: 'consistency group snapshot delete moment' },
  { run: 'consistency group snapshot list', count: 0, withinMs: WORK_MS },
  { run: 'consistency group delete --force bound' },
  { run: 'consistency group list', count: 0, withinMs: WORK_MS },
];

export const consistency: readonly Step[] = steps.map((step) => ({ ...step, on: 'models' }));
