// A delete that can be taken back: the guest is stopped and stays on its host, and is made to run again by a restore.
import type { HostDeps } from '../host/deps.ts';
import { powerOn } from '../host/power-on.ts';
import { runOperation } from '../host/run-operation.ts';
import type { ActionRef } from '../rpc.ts';
import { changedSystemMetadata } from '../system-metadata.ts';
import { POWER_STATE } from '../tables.ts';

export async function softDeleteServer(deps: HostDeps, message: ActionRef): Promise<void> {
  const graceMs = deps.config.shutdownGraceMs;
  await runOperation(deps, message, {
    step: 'guest.stop',
    deadlineMs: graceMs + 30_000,
    do: async (entry, { evidence }) => {
      const { state } = await deps.hypervisor.serverState(entry.id);
      if (state === 'running')
        evidence({ ended_by: await deps.hypervisor.stopServer(entry.id, { graceMs }) });
      await deps.hypervisor.destroyServer(entry.id);
      return {
        vm_state: 'soft-delete',
        power_state: POWER_STATE.shutdown,
        changes: changedSystemMetadata(entry, {
          soft_deleted_at: new Date(deps.clock.now()).toISOString(),
        }),
      };
    },
  });
}

export async function restoreServer(deps: HostDeps, message: ActionRef): Promise<void> {
  await runOperation(deps, message, {
    step: 'guest.start',
    deadlineMs: deps.config.spawnDeadlineMs,
    do: async (entry) => {
      await powerOn(deps, entry, { anew: true });
      return {
        vm_state: 'active',
        power_state: POWER_STATE.running,
        changes: changedSystemMetadata(entry, { soft_deleted_at: undefined }),
      };
    },
  });
}
