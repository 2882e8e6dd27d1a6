// Makes a volume larger, and tells compute when a server has it, so that the guest sees it.
import { isoTime } from '#platform/context/clock.ts';
import { causeChain } from '#platform/errors/domain-error.ts';
import { expectOk } from '#platform/clients/transport.ts';
import type { Saga } from '#platform/saga/saga.ts';
import { listOfVolume } from '#volume/attachments/store.ts';
import type { BackendDeps } from '#volume/host/deps.ts';
import { runVolumeOperation } from '#volume/host/run-operation.ts';
import { tellOwner } from '#volume/operations/owner-message.ts';
import type { VolumeServiceRpc } from '#volume/rpc.ts';
import { settleVolume } from '#volume/volumes/lifecycle-store.ts';

type Input = Parameters<VolumeServiceRpc['extendVolume']>[0];

interface Outputs {
  'volume.extend': null;
  'volume.tell-compute': readonly string[];
}

export async function extendVolume(deps: BackendDeps, input: Input): Promise<void> {
  await runVolumeOperation(deps, input, {
    saga: extendVolumeSaga(deps),
    changed: 'volume',
    done: async (trx) => {
      const updated_at = isoTime(deps.clock);
      await settleVolume(trx, input.volume_id, ['extending'], { lifecycle: 'available', updated_at });
    },
    failed: async (trx, { operation, text }) => {
      await settleVolume(trx, input.volume_id, ['extending'], {
        lifecycle: 'error_extending',
        size: input.old_size,
        fault: text,
        updated_at: isoTime(deps.clock),
      });
      await tellOwner(trx, deps, {
        projectId: operation.project_id,
        requestId: operation.request_id,
        resourceType: 'VOLUME',
        resourceId: input.volume_id,
        action: 'extend-volume',
        detail: 'driver-failed-extend',
        text: `The volume could not be extended. ${text}`,
      });
    },
  });
}

export function extendVolumeSaga(deps: BackendDeps): Saga<Input, Outputs> {
  return {
    name: 'extend-volume',
    steps: [
      {
        // Not undone: no backend makes a volume smaller, and a guest may use the room already.
        name: 'volume.extend',
        needs: [],
        deadlineMs: deps.config.operationMs,
        do: async ({ input }) => {
          await deps.driver.extendVolume(input.volume_id, input.new_size);
          return null;
        },
      },
      {
        name: 'volume.tell-compute',
        needs: ['volume.extend'],
        deadlineMs: deps.config.operationMs,
        do: async ({ input, evidence }) => {
          const attachments = await listOfVolume(deps.db.kysely, input.volume_id);
          const servers = attachments
            .filter(({ status, instance_id }) => status === 'attached' && instance_id !== null)
            .map(({ instance_id }) => instance_id ?? '');
          if (servers.length === 0) return [];
          await tellCompute(deps, input.volume_id, servers).catch((error: unknown) => {
            // The volume has grown: its guests learn of it at their next start.
            evidence({ compute_not_told: causeChain(error).join('; ') });
          });
          return servers;
        },
      },
    ],
  };
}

async function tellCompute(deps: BackendDeps, volumeId: string, servers: readonly string[]): Promise<void> {
  await expectOk(
    'compute',
    deps.peer('compute'),
    {
      method: 'POST',
      path: '/v2.1/os-server-external-events',
      token: await deps.serviceToken(),
      headers: { 'openstack-api-version': 'compute 2.51' },
      body: {
        events: servers.map((server_uuid) => ({ name: 'volume-extended', server_uuid, tag: volumeId })),
      },
    },
    [200, 207],
  );
}
