// What the service can: its stores, and the import methods that it has.
import type { Call, Route } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { usageOf } from '../quotas/quotas.ts';
import type { NamedStore } from '../store/stores.ts';

function storeView({ id, description, isDefault }: NamedStore): Record<string, unknown> {
  return { id, ...(description === '' ? {} : { description }), ...(isDefault ? { default: 'true' } : {}) };
}

async function listStores(_call: Call, { stores }: ImageDeps): Promise<unknown> {
  return { stores: stores.all.map(storeView) };
}

async function listStoresDetail(_call: Call, { stores }: ImageDeps): Promise<unknown> {
  return {
    stores: stores.all.map((each) => ({
      ...storeView(each),
      type: each.store.kind,
      weight: 0,
      properties: each.store.properties,
    })),
  };
}

async function showImport(_call: Call, { config }: ImageDeps): Promise<unknown> {
  return {
    'import-methods': {
      description: 'Import methods available.',
      type: 'array',
      value: config.importMethods,
    },
  };
}

/** How much the caller's project has of what is limited. */
async function showUsage(call: Call, deps: ImageDeps): Promise<unknown> {
  return { usage: await usageOf(deps, deps.db.kysely, call.principal.projectId ?? '') };
}

export const infoRoutes: readonly Route<ImageDeps>[] = [
  { method: 'GET', path: '/v2/info/stores', handler: listStores },
  { method: 'GET', path: '/v2/info/stores/detail', handler: listStoresDetail, policy: 'stores_info_detail' },
  { method: 'GET', path: '/v2/info/import', handler: showImport },
  { method: 'GET', path: '/v2/info/usage', handler: showUsage },
];
