// What the network service is told, with a port's binding, of who gives what the port asks for.
import type { Port } from '#platform/clients/network.ts';
import type { HostDeps } from './deps.ts';

/**
 * The port's profile with the providers on `host`, by the port's request groups; without any when `host` is empty. Nothing
 * for ports that ask for nothing.
 */
export async function profileOn(
  { conductor }: Pick<HostDeps, 'conductor'>,
  instanceId: string,
  host: string,
  port: Port,
): Promise<{ 'binding:profile'?: Readonly<Record<string, unknown>> }> {
  const groups = port.resource_request?.request_groups ?? [];
  if (groups.length === 0) return {};
  const plain = withoutAllocation(port);
  if (host === '') return { 'binding:profile': plain };
  const providers = await conductor.call('findPortProviders', { instance_id: instanceId, host });
  const allocation = Object.fromEntries(
    groups.flatMap(({ id }) => (providers[id] === undefined ? [] : [[id, providers[id]]])),
  );
  return { 'binding:profile': { ...plain, allocation } };
}

export function withoutAllocation(port: Port): Readonly<Record<string, unknown>> {
  const { allocation: _, ...rest } = port['binding:profile'] ?? {};
  return rest;
}
