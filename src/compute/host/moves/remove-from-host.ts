// Removes whatever a host has of a server that is on another one by now. May be repeated. Called when moves and evacuations are
// over.
import { unplugAll } from '../../tasks/delete-server.ts';
import type { HostDeps } from '../deps.ts';
import { removeInstanceFiles } from '../paths.ts';

/** @returns the devices that were plugged */
export async function removeFromHost(deps: HostDeps, instanceId: string): Promise<string[]> {
  await deps.hypervisor.destroyServer(instanceId);
  const devices = await unplugAll(deps.hostSwitch, instanceId);
  deps.metadata.forget(instanceId);
  await removeInstanceFiles(deps.config, instanceId);
  return devices;
}
