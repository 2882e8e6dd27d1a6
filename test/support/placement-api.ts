// Placement's API for its tests: one database, one mounted service, shorthands for calls, and providers made in one line.
import { systemClock } from '#platform/context/clock.ts';
import type { Service } from '#platform/service/service.ts';
import { createPlacementService } from '#placement/service.ts';
import type { PlacementDeps } from '#placement/deps.ts';
import { mountForTest, PROJECT, type Answer, type JsonValue, type Mounted } from './service-harness.ts';
import { urlOf, type TestEngine } from './engines.ts';
import assert from 'node:assert/strict';
import { after, before, beforeEach } from 'node:test';

export const A = 'aaaaaaaa-0000-4000-8000-00000000000a';
export const B = 'bbbbbbbb-0000-4000-8000-00000000000b';
export const CHILD = 'cccccccc-0000-4000-8000-00000000000c';
export const CHILD2 = 'cccccccc-0000-4000-8000-0000000000c2';
export const G1 = '11111111-0000-4000-8000-000000000001';
export const G2 = '22222222-0000-4000-8000-000000000002';
export const C1 = 'dddddddd-0000-4000-8000-000000000001';
export const C2 = 'dddddddd-0000-4000-8000-000000000002';
export const OWNER = { project_id: PROJECT, user_id: 'u' };
export const CPU = { VCPU: { total: 4 }, MEMORY_MB: { total: 4096, reserved: 512, max_unit: 4096 } };

export interface PlacementApi {
  mounted(): Mounted;
  call(version: string, method: string, path: string, body?: unknown, token?: string): Promise<Answer>;
  get(version: string, path: string): Promise<JsonValue>;
  provider(uuid: string, options?: ProviderOptions): Promise<void>;
}

export interface ProviderOptions {
  readonly parent?: string;
  readonly inventories?: Readonly<Record<string, object>>;
  readonly traits?: readonly string[];
  readonly aggregates?: readonly string[];
}

/** Call inside a `describe`: it hooks up and tears down, and empties the tables before each test. */
export function placementApi(engine: TestEngine): PlacementApi {
  let service: Service<PlacementDeps>;
  let api: Mounted;
  before(async () => {
    service = await createPlacementService({
      clock: systemClock,
      databaseUrl: await urlOf(engine),
      policyOverrides: {},
    });
    api = await mountForTest(service.api);
  });
  after(async () => {
    await api.app.close();
    await service[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    const { kysely } = service.api.deps.db;
    for (const table of [
      'allocations',
      'consumers',
      'inventories',
      'provider_traits',
      'provider_aggregates',
      'resource_providers',
      'custom_traits',
      'custom_resource_classes',
    ] as const)
      await kysely.deleteFrom(table).execute();
  });
  const call: PlacementApi['call'] = async (version, method, path, body, token = 'admin') =>
    api.call(method, path, { token, body, headers: { 'openstack-api-version': `placement ${version}` } });
  const get: PlacementApi['get'] = async (version, path) => (await call(version, 'GET', path)).body;
  return {
    mounted: () => api,
    call,
    get,
    provider: async (uuid, options = {}) => makeProvider({ call, get }, uuid, options),
  };
}

async function makeProvider(
  { call, get }: Pick<PlacementApi, 'call' | 'get'>,
  uuid: string,
  options: ProviderOptions,
): Promise<void> {
  const body = {
    name: `p-${uuid.slice(-2)}`,
    uuid,
    ...(options.parent ? { parent_provider_uuid: options.parent } : {}),
  };
  assert.equal((await call('1.39', 'POST', '/resource_providers', body)).status, 200);
  const path = `/resource_providers/${uuid}`;
  const put = async (what: string, value: unknown): Promise<void> => {
    const { generation } = await get('1.39', path);
    const answer = await call('1.39', 'PUT', `${path}/${what}`, {
      [what]: value,
      resource_provider_generation: generation,
    });
    assert.equal(answer.status, 200);
  };
  if (options.inventories) await put('inventories', options.inventories);
  for (const trait of options.traits ?? [])
    if (trait.startsWith('CUSTOM_')) await call('1.39', 'PUT', `/traits/${trait}`);
  if (options.traits) await put('traits', options.traits);
  if (options.aggregates) await put('aggregates', options.aggregates);
}
