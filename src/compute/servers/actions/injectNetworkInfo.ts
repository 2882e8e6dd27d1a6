// `injectNetworkInfo`: told guests of their network where the hypervisor could write into them. libvirt's guests learn it by
// DHCP, the metadata service and the config drive, all of which are up to date by themselves: there is nothing to do.
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { NotReady } from '#compute/errors.ts';
import { findServer } from '../find-server.ts';

export async function injectNetworkInfo(call: Call, deps: ComputeDeps): Promise<void> {
  const row = await findServer(call, deps, 'os_compute_api:os-admin-actions:inject_network_info');
  if (row.host === null) throw new NotReady(row.id);
}
