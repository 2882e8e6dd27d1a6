// Writes an image over a volume: a rebuild of the server that boots from it.
import { isoTime } from '#platform/context/clock.ts';
import type { BackendDeps } from '#volume/host/deps.ts';
import { restoreConnections } from '#volume/host/connections.ts';
import { runVolumeOperation } from '#volume/host/run-operation.ts';
import { tellOwner } from '#volume/operations/owner-message.ts';
import type { VolumeServiceRpc } from '#volume/rpc.ts';
import { VolumeNotFound } from '#volume/errors.ts';
import { settleVolume } from '#volume/volumes/lifecycle-store.ts';
import { findVolumeRow } from '#volume/volumes/store.ts';
import { loadInto } from './create-volume.ts';

type Input = Parameters<VolumeServiceRpc['reimageVolume']>[0];

export async function reimageVolume(deps: BackendDeps, input: Input): Promise<void> {
  await runVolumeOperation<Input, { 'volume.load': number }>(deps, input, {
    saga: {
      name: 'reimage-volume',
      steps: [
        {
          // Not undone: what the volume held is what the owner gives up.
          name: 'volume.load',
          needs: [],
          deadlineMs: deps.config.transferMs,
          do: async ({ signal, evidence }) => {
            // The attachment before has ended, and its export may be about to.
            await restoreConnections(deps);
            const row = await findVolumeRow(deps.db.kysely, input.volume_id);
            if (!row) throw new VolumeNotFound(input.volume_id);
            const volume = { ...row, image_id: input.image_id };
            const bytes = await loadInto(deps, volume, input.user_token, signal, true);
            evidence({ image_id: input.image_id, bytes_copied: bytes });
            return bytes;
          },
        },
      ],
    },
    changed: 'volume',
    done: async (trx, outputs) => {
      await settleVolume(trx, input.volume_id, ['downloading'], {
        lifecycle: 'available',
        bytes_copied: outputs['volume.load'],
        updated_at: isoTime(deps.clock),
      });
    },
    failed: async (trx, { operation, text }) => {
      const updated_at = isoTime(deps.clock);
      await settleVolume(trx, input.volume_id, ['downloading'], {
        lifecycle: 'error',
        fault: text,
        updated_at,
      });
      await tellOwner(trx, deps, {
        projectId: operation.project_id,
        requestId: operation.request_id,
        resourceType: 'VOLUME',
        resourceId: input.volume_id,
        action: 'reimage-volume',
        detail: 'unknown',
        text: `The image could not be written over the volume. ${text}`,
      });
    },
  });
}
