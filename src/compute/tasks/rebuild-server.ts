// Rebuilding a server: a new root disk from the entry's (new) image, the same ports, addresses and host.
import { rm } from 'node:fs/promises';
import { POWER_STATE } from '../tables.ts';
import type { HostDeps } from '../host/deps.ts';
import { writeInstanceConfigDrive } from '../host/metadata/config-drive.ts';
import { makeLocalDisks } from '../host/local-disks.ts';
import { instancePaths } from '../host/paths.ts';
import { powerOn } from '../host/power-on.ts';
import { makeRootDisk } from '../host/root-disk/make.ts';
import { runOperation } from '../host/run-operation.ts';
import type { AgentRpc } from '../rpc.ts';
import type { Vif } from '../tables.ts';
import { locate } from './launch/image.ts';

export async function rebuildServer(
  deps: HostDeps,
  message: Parameters<AgentRpc['rebuildServer']>[0],
): Promise<void> {
  await runOperation(deps, message, {
    step: 'guest.rebuild',
    deadlineMs: deps.config.imageDeadlineMs + deps.config.spawnDeadlineMs,
    do: async (entry, { signal, evidence }) => {
      const stopAfterwards = entry.vm_state === 'stopped'; // it keeps its state until the action ends
      const service = await deps.serviceToken();
      const image = entry.image_id ? await locate(deps, entry.image_id, message.user_token) : undefined;
      const load = async () =>
        image &&
        deps.imageCache.load(
          image,
          image.location,
          async () => deps.image.openData(message.user_token, image.id, service),
          signal,
        );
      const release = async () => deps.hypervisor.destroyServer(entry.id);
      const made = await makeRootDisk(deps, entry, image ?? null, { load, release });
      await makeLocalDisks(deps.config, entry.devices, { anew: true });
      await rm(instancePaths(deps.config, entry.id).consoleLog, { force: true });
      if (entry.config_drive === 1)
        await writeInstanceConfigDrive(deps, message, JSON.parse(entry.vifs_json) as Vif[]);
      evidence({
        image_id: entry.image_id,
        cache_hit: made.base?.hit ?? null,
        bytes_copied: made.bytesCopied,
        checksum: image?.os_hash_value.slice(0, 16) ?? null,
      });
      if (stopAfterwards) return { vm_state: 'stopped', power_state: POWER_STATE.shutdown };
      await powerOn(deps, entry, { anew: true });
      return { vm_state: 'active', power_state: POWER_STATE.running };
    },
    failedState: { vm_state: 'error', power_state: POWER_STATE.nostate },
  });
}
