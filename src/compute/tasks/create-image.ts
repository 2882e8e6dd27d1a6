// A snapshot of a server: its root disk, flattened, uploaded into an image that the API has made.
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '#platform/supervise/run-command.ts';
import { POWER_STATE } from '../tables.ts';
import type { HostDeps } from '../host/deps.ts';
import { instancePaths } from '../host/paths.ts';
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
      const copy = join(instancePaths(deps.config, entry.id).dir, `snapshot-${message.image_id}`);
      try {
        waitingFor('the copy of the root disk');
        await copyDisk(deps, entry, copy);
        const { size } = await stat(copy);
        waitingFor(`the upload of ${size} bytes`);
        await deps.image.uploadData(message.user_token, message.image_id, createReadStream(copy), {
          serviceToken: await deps.serviceToken(),
          signal,
          size,
        });
        evidence({ image_id: message.image_id, bytes: size });
      } finally {
        await rm(copy, { force: true });
      }
      return asItWas(entry);
    },
    undo: async () => {
      await deps.image.deleteImage(await deps.serviceToken(), message.image_id);
    },
  });
}

/** The CPUs stand still while the disk is copied, so that the image is of one moment. */
async function copyDisk(deps: HostDeps, entry: InstanceEntry, target: string): Promise<void> {
  const { state } = await deps.hypervisor.serverState(entry.id);
  if (state === 'running') await deps.hypervisor.pauseServer(entry.id);
  try {
    await runCommand(
      ['qemu-img', 'convert', '-U', '-O', 'qcow2', instancePaths(deps.config, entry.id).disk, target],
      { deadlineMs: COPY_DEADLINE_MS },
    );
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
