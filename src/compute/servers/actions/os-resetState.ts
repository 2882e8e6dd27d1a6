// `os-resetState`: an administrator says what state the server is in. Only the entry changes; a guest is not touched.
import { Type } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { strict } from '#compute/schema-types.ts';
import { endOpenMove } from '#compute/conductor/moves.ts';
import { findServer } from '../find-server.ts';
import { updateInstance } from '../store.ts';

export const resetStateBody = Type.Object(
  {
    'os-resetState': Type.Object(
      { state: Type.Union([Type.Literal('active'), Type.Literal('error')]) },
      strict,
    ),
  },
  strict,
);

export async function resetState(call: Call, deps: ComputeDeps): Promise<void> {
  const row = await findServer(call, deps, 'os_compute_api:os-admin-actions:reset_state');
  const body = call.body as { readonly 'os-resetState': { readonly state: 'active' | 'error' } };
  await deps.db.transaction(async (trx) => {
    await updateInstance(trx, row.id, {
      vm_state: body['os-resetState'].state,
      task_state: null,
      updated_at: new Date(deps.clock.now()).toISOString(),
    });
    // Nobody can confirm it or take it back any more, and another move may begin. One that is under way ends by itself.
    if (row.vm_state === 'resized' && row.task_state === null) await endOpenMove(deps, trx, row.id);
  });
}
