// Replication of groups (3.38), which no backend here does: what is asked of a group is refused for the first thing that it
// lacks, as upstream does.
import type { Call } from '#platform/http/api.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { isSpecTrue, listExtraSpecs } from '#volume/volumes/type-store.ts';
import { findGroupType } from '../group_types/store.ts';
import { InvalidGroup } from './errors.ts';
import { findGroup } from './find.ts';
import { listGroupVolumeTypes } from './store.ts';

/** Specs of a group type that ask for it. */
export const REPLICATION: readonly string[] = [
  'group_replication_enabled',
  'consistent_group_replication_enabled',
];

const refusal = (code: string, message: string): DomainError => new DomainError('bad-request', code, message);

/** The handler of an action: checks `rule`. */
export const refuseFor =
  (rule: string) =>
  async (call: Call, deps: VolumeDeps): Promise<never> => {
    const group = await findGroup(call, deps, rule);
    const type = await findGroupType(deps.db.kysely, group.group_type_id);
    if (!REPLICATION.some((spec) => isSpecTrue(type?.specs[spec])))
      throw refusal('invalid-group-type', `Group ${group.id} is not of a type that replicates.`);
    const types = (await listGroupVolumeTypes(deps.db.kysely, [group.id])).get(group.id) ?? [];
    for (const id of types)
      if (!isSpecTrue((await listExtraSpecs(deps.db.kysely, id))['replication_enabled']))
        throw refusal(
          'invalid-volume-type',
          `Volume type ${id} does not have 'replication_enabled' set to '<is> True'.`,
        );
    throw new InvalidGroup(
      `the replication of group ${group.id} is disabled, and no backend of this cloud replicates.`,
    );
  };
