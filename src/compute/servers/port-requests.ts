// What ports ask of a host beside what the flavor does, as the network service says it in `resource_request`: kept in the
// server's entry from the launch on, added and taken away with interfaces.
import type { Call } from '#platform/http/api.ts';
import type { Port } from '#platform/clients/network.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput } from '#compute/errors.ts';
import type { InstanceRow, PortRequest } from '#compute/tables.ts';

export function portRequestsOf({
  port_requests_json,
}: Pick<InstanceRow, 'port_requests_json'>): PortRequest[] {
  return JSON.parse(port_requests_json) as PortRequest[];
}

export function requestsOf(port: Port): PortRequest[] {
  return (port.resource_request?.request_groups ?? []).map(({ id, resources, required }) => ({
    port_id: port.id,
    id,
    resources,
    required,
  }));
}

/**
 * What the ports ask for; asked with the service's own token, because projects do not see it.
 * @throws InvalidInput before microversion 2.72, whose clients know of no such ports
 */
export async function findPortRequests(
  call: Call,
  deps: ComputeDeps,
  portIds: readonly string[],
  what: 'Creating servers' | 'Attaching interfaces',
): Promise<PortRequest[]> {
  if (portIds.length === 0) return [];
  const ports = await deps.network.listPorts(await deps.serviceToken(), { id: [...portIds] });
  const requests = ports.flatMap(requestsOf);
  const [first] = requests;
  if (first && !atLeast(call.microversion, '2.72'))
    throw new InvalidInput(
      `${what} with ports that have resource requests, as port ${first.port_id} with a minimum bandwidth, is supported from microversion 2.72 on.`,
      'port-resource-request',
    );
  return requests;
}
