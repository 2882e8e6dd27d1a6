// Shows, sets and resets the limits of projects and of the default class.
import { Reply, type Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import { readBoolean } from '#volume/paging.ts';
import { isTrue } from '#volume/schema-types.ts';
import { limitsAt, limitsOf, usedByProject } from './count.ts';
import { removeLimits, saveLimits } from './store.ts';
import { UNLIMITED } from './resources.ts';

const idOf = (call: Call): string => call.params['id'] ?? '';

export async function show(call: Call, { db }: VolumeDeps): Promise<unknown> {
  const id = idOf(call);
  call.enforce('volume_extension:quotas:show', { project_id: id });
  const limits = await limitsOf(db.kysely, id);
  if (!readBoolean('usage', call.query.get('usage') ?? 'false')) return { quota_set: { id, ...limits } };
  const used = await usedByProject(db.kysely, id);
  const details = Object.entries(limits).map(([name, limit]) => [
    name,
    { limit, in_use: used[name] ?? 0, reserved: 0 },
  ]);
  return { quota_set: { id, ...Object.fromEntries(details) } };
}

export async function showDefaults(call: Call, { db }: VolumeDeps): Promise<unknown> {
  const id = idOf(call);
  call.enforce('volume_extension:quotas:show', { project_id: id });
  return { quota_set: { id, ...(await limitsAt(db.kysely, 'class:default')) } };
}

export async function update(call: Call, { db }: VolumeDeps): Promise<unknown> {
  const id = idOf(call);
  const {
    skip_validation = true,
    tenant_id: _tenant,
    ...given
  } = (call.body as { quota_set: Record<string, unknown> }).quota_set;
  return db.transaction(async (trx) => {
    const limits = readLimits(given, await limitsOf(trx, id));
    if (!isTrue(skip_validation)) refuseBelowUse(limits, await usedByProject(trx, id));
    await saveLimits(trx, `project:${id}`, limits);
    return { quota_set: await limitsOf(trx, id) };
  });
}

/** @param known the names that there are @throws InvalidInput */
function readLimits(
  given: Readonly<Record<string, unknown>>,
  known: Readonly<Record<string, number>>,
): Record<string, number> {
  const bad = Object.keys(given).filter((name) => !Object.hasOwn(known, name));
  if (bad.length > 0)
    throw new InvalidInput(`Bad key(s) in quota set: ${bad.join(', ').slice(0, 255)}`, 'no-such-quota');
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, Number(value)]));
}

function refuseBelowUse(
  limits: Readonly<Record<string, number>>,
  used: Readonly<Record<string, number>>,
): void {
  for (const [name, limit] of Object.entries(limits))
    if (limit !== UNLIMITED && limit < (used[name] ?? 0))
      throw new InvalidInput(`Quota ${name} limit must be at least what is in use: ${used[name] ?? 0}.`);
}

export async function remove(call: Call, { db }: VolumeDeps): Promise<Reply> {
  await removeLimits(db.kysely, `project:${idOf(call)}`);
  return new Reply(200);
}

export async function showClass(call: Call, { db }: VolumeDeps): Promise<unknown> {
  const id = idOf(call);
  return { quota_class_set: { id, ...(await limitsAt(db.kysely, `class:${id}`)) } };
}

export async function updateClass(call: Call, { db }: VolumeDeps): Promise<unknown> {
  const scope = `class:${idOf(call)}`;
  const { class_name: _name, ...given } = (call.body as { quota_class_set: Record<string, unknown> })
    .quota_class_set;
  return db.transaction(async (trx) => {
    await saveLimits(trx, scope, readLimits(given, await limitsAt(trx, scope)));
    return { quota_class_set: await limitsAt(trx, scope) };
  });
}
