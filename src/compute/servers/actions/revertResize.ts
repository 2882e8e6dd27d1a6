// `revertResize`: the resize or migration is taken back. The server runs again where and as it was, on the disks of that time.
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { updateMigration } from '#compute/server-migrations/store.ts';
import { admitAction, commitAction } from '../begin-action.ts';
import { requireMoved } from '../moves/moved.ts';

const RULE = 'os_compute_api:servers:revert_resize';

export async function revertResize(call: Call, deps: ComputeDeps): Promise<void> {
  const handledAt = deps.clock.now();
  const row = await admitAction(call, deps, {
    action: 'revertResize',
    rule: RULE,
    from: { vm: ['resized'] },
  });
  const migration = await requireMoved(deps.db.kysely, row.id);
  await commitAction(
    call,
    deps,
    row,
    {
      action: 'revertResize',
      rule: RULE,
      from: {},
      task: 'resize_reverting',
      deadlineMs: deps.config.moveDeadlineMs,
      also: async (trx) =>
        updateMigration(
          trx,
          migration.uuid,
          { status: 'reverting' },
          new Date(deps.clock.now()).toISOString(),
        ),
      message: (agent, ref) => agent.message('revertMove', { ...ref, migration_uuid: migration.uuid }),
    },
    handledAt,
  );
}
