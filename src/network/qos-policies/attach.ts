// Reads `qos_policy_id` of a port, network or floating IP: who may hang which policy on what.
import { NetworkError, notFound } from '../errors.ts';
import { has, readTextOrNull } from '../rest/attributes.ts';
import type { Operation } from '../rest/crud.ts';
import type { Input } from '../rest/deps.ts';
import { findVisiblePolicy } from './store.ts';

/**
 * The column that the body changes, if it does.
 * @param before the policy that it has
 * @throws NetworkError 404 for one that the caller does not see, 403 when what is there was hung on by who may more
 */
export async function readQosPolicy(
  { unit, caller }: Pick<Operation, 'unit' | 'caller'>,
  input: Input,
  before: string | null = null,
): Promise<{ qos_policy_id?: string | null }> {
  if (!has(input, 'qos_policy_id')) return {};
  const wanted = readTextOrNull(input, 'qos_policy_id');
  if (wanted === before) return {};
  if (wanted !== null && !(await findVisiblePolicy(unit.trx, caller, wanted)))
    throw notFound('policy', wanted);
  if (before !== null && !(await findVisiblePolicy(unit.trx, caller, before)))
    throw new NetworkError(
      'forbidden',
      'PolicyRemoveAuthorizationError',
      `Failed to remove provided policy ${before} because you are not authorized.`,
    );
  return { qos_policy_id: wanted };
}
