// How a trust that is made with a trust's token follows from that one: no longer, no wider, one step less deep.
import type { TrustRow } from '../database.ts';
import { Invalid, Refused } from '../errors.ts';
import type { GivenTrust } from './schema.ts';

/** How many trusts may follow one from the other at most, as upstream by default. */
export const MAX_REDELEGATION = 3;

/** How often the new trust may be passed on. @throws Refused @throws Invalid for uses that could not be counted then */
export function redelegationOf(given: GivenTrust, origin: TrustRow | undefined): number {
  const asked = given.redelegation_count ?? undefined;
  const remaining = origin ? origin.redelegation_count - 1 : MAX_REDELEGATION;
  if (given.allow_redelegation !== true || asked === 0) return 0;
  if (asked !== undefined && asked > MAX_REDELEGATION) {
    throw new Refused(`Requested redelegation depth of ${asked} is greater than allowed ${MAX_REDELEGATION}`);
  }
  if (given.remaining_uses !== undefined && given.remaining_uses !== null) {
    throw new Invalid('remaining_uses must not be set if redelegation is allowed');
  }
  if (origin && asked !== undefined && asked !== remaining) {
    throw new Refused(
      'Modifying "redelegation_count" upon redelegation is forbidden. Omitting this parameter is advised.',
    );
  }
  return asked ?? remaining;
}

type NewTrust = Pick<TrustRow, 'remaining_uses' | 'expires_at' | 'impersonation' | 'project_id' | 'roles'>;

/** @throws Refused unless `trust` may follow from `origin` */
export function checkRedelegation(origin: TrustRow, trust: NewTrust): void {
  if (origin.redelegation_count < 1 || origin.redelegation_count > MAX_REDELEGATION) {
    throw new Refused(
      `Remaining redelegation depth of ${origin.redelegation_count} out of allowed range of [0..${MAX_REDELEGATION}]`,
    );
  }
  if (trust.remaining_uses !== null) {
    throw new Refused(
      `Field "remaining_uses" is set to ${trust.remaining_uses} while it must not be set in order to redelegate a trust`,
    );
  }
  if (trust.expires_at !== null && origin.expires_at !== null && trust.expires_at > origin.expires_at) {
    throw new Refused('Requested expiration time is more than redelegated trust can provide');
  }
  if (trust.project_id !== origin.project_id) {
    throw new Refused('A redelegated trust is for the same project as the one it comes from');
  }
  const allowed = JSON.parse(origin.roles) as string[];
  if ((JSON.parse(trust.roles) as string[]).some((role) => !allowed.includes(role))) {
    throw new Refused('Some of requested roles are not in redelegated trust');
  }
  if (trust.impersonation === 1 && origin.impersonation !== 1) {
    throw new Refused(
      `Impersonation is not allowed because redelegated trust does not specify impersonation. Redelegated trust id: ${origin.id}`,
    );
  }
}
