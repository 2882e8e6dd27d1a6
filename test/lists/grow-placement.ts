// Number `n` of everything that placement lists: providers with inventories, traits, aggregates and allocations.
import { PROJECT } from '#test/support/service-harness.ts';
import type { ListWorld } from './world.ts';

export async function growPlacement(world: ListWorld, n: number): Promise<void> {
  const { ids } = world;
  const send = async (method: string, path: string, body?: unknown) =>
    world.ok('placement', method, path, body === undefined ? {} : { body });
  const { uuid } = await send('POST', '/resource_providers', { name: `provider-${n}` });
  ids['provider'] ??= uuid;
  await send('PUT', `/traits/CUSTOM_T${n}`);
  await send('PUT', `/resource_classes/CUSTOM_C${n}`);
  const grown = Array.from({ length: n + 1 }, (_, each) => each);
  const aggregates = grown.map((each) => `aaaaaaaa-0000-4000-8000-${String(each).padStart(12, '0')}`);
  const inventories = Object.fromEntries([
    ['VCPU', { total: 64 }],
    ...grown.map((each) => [`CUSTOM_C${each}`, { total: 8 }]),
  ]);
  for (const provider of new Set<string>([uuid, String(ids['provider'])])) {
    const set = async (what: string, value: unknown): Promise<void> => {
      const { generation } = await send('GET', `/resource_providers/${provider}`);
      const body = { [what]: value, resource_provider_generation: generation };
      await send('PUT', `/resource_providers/${provider}/${what}`, body);
    };
    await set('inventories', inventories);
    await set(
      'traits',
      grown.map((each) => `CUSTOM_T${each}`),
    );
    await set('aggregates', aggregates);
  }
  const consumer = crypto.randomUUID();
  ids['consumer'] ??= consumer;
  await send('PUT', `/allocations/${consumer}`, {
    allocations: { [String(ids['provider'])]: { resources: { VCPU: 1, [`CUSTOM_C${n}`]: 1 } } },
    project_id: PROJECT,
    user_id: 'user',
    consumer_generation: null,
    consumer_type: `TYPE_${n}`,
  });
}
