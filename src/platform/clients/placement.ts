// The placement service as its peers use it. Every call carries the token it acts with.
import { expectOk, type Transport } from './transport.ts';

/** With traits, nested providers and generations in answers. */
const MICROVERSION = { 'openstack-api-version': 'placement 1.36' };

export interface ResourceProvider {
  readonly uuid: string;
  readonly name: string;
  readonly generation: number;
}

export interface Inventory {
  readonly total: number;
  readonly reserved: number;
  readonly min_unit: number;
  readonly max_unit: number;
  readonly step_size: number;
  readonly allocation_ratio: number;
}

export type Inventories = Readonly<Record<string, Inventory>>;

export interface PlacementClient {
  findProvider(token: string, name: string): Promise<ResourceProvider | undefined>;
  createProvider(
    token: string,
    provider: { readonly uuid: string; readonly name: string; readonly parent_provider_uuid: string },
  ): Promise<ResourceProvider>;
  getInventories(
    token: string,
    uuid: string,
  ): Promise<{ readonly generation: number; readonly inventories: Inventories }>;
  /** In place of all it had. @throws DomainError 409 when the provider changed meanwhile, or what would go is in use */
  putInventories(token: string, uuid: string, generation: number, inventories: Inventories): Promise<void>;
  getTraits(
    token: string,
    uuid: string,
  ): Promise<{ readonly generation: number; readonly traits: readonly string[] }>;
  /** In place of all it had; custom ones are made when they are new. @throws DomainError 409 as above */
  putTraits(token: string, uuid: string, generation: number, traits: readonly string[]): Promise<void>;
}

export function createPlacementClient(transport: Transport): PlacementClient {
  const send = async (
    token: string,
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    body?: unknown,
  ): Promise<Record<string, unknown>> => {
    const request = { method, path, token, headers: MICROVERSION, ...(body === undefined ? {} : { body }) };
    const answer = await expectOk('placement', transport, request, [200, 201, 204]);
    return (answer.body ?? {}) as Record<string, unknown>;
  };
  const below = (uuid: string, part: string): string =>
    `/resource_providers/${encodeURIComponent(uuid)}/${part}`;
  return {
    findProvider: async (token, name) => {
      const found = await send(token, 'GET', `/resource_providers?name=${encodeURIComponent(name)}`);
      return (found['resource_providers'] as ResourceProvider[])[0];
    },
    createProvider: async (token, provider) =>
      (await send(token, 'POST', '/resource_providers', provider)) as unknown as ResourceProvider,
    getInventories: async (token, uuid) => {
      const found = await send(token, 'GET', below(uuid, 'inventories'));
      return {
        generation: found['resource_provider_generation'] as number,
        inventories: found['inventories'] as Inventories,
      };
    },
    putInventories: async (token, uuid, generation, inventories) => {
      const body = { resource_provider_generation: generation, inventories };
      await send(token, 'PUT', below(uuid, 'inventories'), body);
    },
    getTraits: async (token, uuid) => {
      const found = await send(token, 'GET', below(uuid, 'traits'));
      return {
        generation: found['resource_provider_generation'] as number,
        traits: found['traits'] as string[],
      };
    },
    putTraits: async (token, uuid, generation, traits) => {
      for (const trait of traits.filter((name) => name.startsWith('CUSTOM_')))
        await send(token, 'PUT', `/traits/${encodeURIComponent(trait)}`);
      await send(token, 'PUT', below(uuid, 'traits'), { resource_provider_generation: generation, traits });
    },
  };
}
