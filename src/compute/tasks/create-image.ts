// A snapshot of a server: the content of its root disk, uploaded into an image that the API has made.
import { POWER_STATE } from '../tables.ts';
import type { HostDeps } from '../host/deps.ts';
import { runOperation, type OperationResult } from '../host/run-operation.ts';
import type { AgentRpc, InstanceEntry } from '../rpc.ts';

const COPY_DEADLINE_MS = 1_800_000;

export async function createImage(
  deps: HostDeps,
  message: Parameters<AgentRpc['createImage']>[0],
): Promise<void> {
  await runOperation(deps, message, {
    step: 'image.snapshot',
    deadlineMs: COPY_DEADLINE_MS,
    do: async (entry, { signal, evidence, waitingFor }) => {
      waitingFor('the copy of the root disk');
      await using copy = await deps.rootDisks.copy(entry.id, message.image_id, async (act) =>
        standStill(deps, entry, act),
      );
      waitingFor(`the upload of ${copy.size} bytes`);
      await deps.image.uploadData(message.user_token, message.image_id, copy.stream, {
        serviceToken: await deps.serviceToken(),
        signal,
        size: copy.size,
      });
      evidence({ image_id: message.image_id, bytes: copy.size });
      return asItWas(entry);
    },
    undo: async () => {
      await deps.image.deleteImage(await deps.serviceToken(), message.image_id);
    },
  });
}

/** The CPUs stand still meanwhile, so that the image is of one moment. */
async function standStill(deps: HostDeps, entry: InstanceEntry, act: () => Promise<void>): Promise<void> {
  const { state } = await deps.hypervisor.serverState(entry.id);
  if (state === 'running') await deps.hypervisor.pauseServer(entry.id);
  try {
    await act();
  } finally {
    if (state === 'running') await deps.hypervisor.resumeServer(entry.id);
  }
}

function asItWas(entry: InstanceEntry): OperationResult {
  const power_state =
    entry.vm_state === 'active'
      ? POWER_STATE.running
      : entry.vm_state === 'paused'
        ? POWER_STATE.paused
        : POWER_STATE.shutdown;
  return { vm_state: entry.vm_state, power_state };
}
