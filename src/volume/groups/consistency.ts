// Groups whose snapshots are taken at one moment, and the type of those among them that consistency groups are.
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import {
  CONSISTENCY_GROUP_TYPE,
  CONSISTENT_SNAPSHOTS,
  findGroupType,
  type GroupType,
} from '#volume/group_types/store.ts';
import { loadBackends } from '#volume/scheduler/load-backends.ts';
import { explainSpecs } from '#volume/scheduler/spec-match.ts';
import type { VolumeRow, VolumeTables } from '#volume/tables.ts';
import { backendIn } from '#volume/volumes/host-name.ts';
import { isSpecTrue } from '#volume/volumes/type-store.ts';
import { InvalidGroup } from './errors.ts';
import { findGroupOfVolume, listMembers } from './store.ts';

type Db = Executor<VolumeTables>;

export const isConsistent = ({ specs }: Pick<GroupType, 'specs'>): boolean =>
  isSpecTrue(specs[CONSISTENT_SNAPSHOTS]);

/** @throws InvalidGroup for a group, or what is of one, that `/consistencygroups` has */
export async function refuseConsistencyGroup(db: Db, groupTypeId: string): Promise<void> {
  const type = await findGroupType(db, groupTypeId);
  if (type?.name === CONSISTENCY_GROUP_TYPE) throw new InvalidGroup(RESERVED);
}

const RESERVED = `groups of the type ${CONSISTENCY_GROUP_TYPE} are for /consistencygroups alone.`;

/** Whether some backend that is up can take snapshots of several volumes at one moment. */
export async function canBeConsistent(deps: VolumeDeps): Promise<boolean> {
  const backends = await loadBackends(deps.db.kysely, deps);
  return backends.some(
    (each) => each.up && explainSpecs(each, { [CONSISTENT_SNAPSHOTS]: '<is> True' }) === undefined,
  );
}

/** Of a volume in a group of that kind; `service` is where the others lie, once there are any. */
export async function consistencyOf(
  db: Db,
  volumeId: string,
): Promise<{ readonly service: string | undefined } | undefined> {
  const group = await findGroupOfVolume(db, volumeId);
  const type = group && (await findGroupType(db, group.group_type_id));
  if (!group || !type || !isConsistent(type)) return undefined;
  const [service] = servicesOf(await listMembers(db, group.id));
  return { service };
}

export const servicesOf = (volumes: readonly VolumeRow[]): string[] => [
  ...new Set(volumes.flatMap(({ host }) => (host === null ? [] : [backendIn(host)]))),
];
