// `lock`: keeps everybody but administrators from changing the server.
import { Type } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { strict } from '#compute/schema-types.ts';
import { recordAction } from '../action-record.ts';
import { findServer } from '../find-server.ts';
import { updateInstance } from '../store.ts';

const RULE = 'os_compute_api:os-lock-server:lock';

export const lockBody = [
  { schema: Type.Object({ lock: Type.Unknown() }, strict) },
  {
    since: '2.73',
    schema: Type.Object(
      {
        lock: Type.Union([
          Type.Null(),
          Type.Object(
            { locked_reason: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) },
            strict,
          ),
        ]),
      },
      strict,
    ),
  },
] as const;

export async function lockServer(call: Call, deps: ComputeDeps): Promise<void> {
  const handledAt = deps.clock.now();
  const row = await findServer(call, deps, RULE);
  const { lock } = call.body as { readonly lock?: { readonly locked_reason?: string } | null };
  const isOwner = row.project_id === call.principal.projectId;
  if (row.locked === 1 && isOwner) return; // only an administrator changes a lock, and the stronger one stays
  await deps.db.transaction(async (trx) => {
    await updateInstance(trx, row.id, {
      locked: 1,
      locked_by: isOwner ? 'owner' : 'admin',
      locked_reason: lock?.locked_reason ?? null,
    });
    await recordAction(trx, call, deps, {
      instanceId: row.id,
      action: 'lock',
      host: row.host,
      deadlineMs: 0,
      rule: RULE,
      handledAt,
      done: true,
    });
  });
}
