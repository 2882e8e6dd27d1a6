// What the service can: its stores, and the import methods that it has.
import type { Call, Route } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';

async function listStores(): Promise<unknown> {
  return { stores: [{ id: 'file', description: 'Files of the image service', default: 'true' }] };
}

/** Data is sent by `PUT …/file`; there is no staging, so there is no import. */
async function showImport(): Promise<unknown> {
  return { 'import-methods': { description: 'Import methods available.', type: 'array', value: [] } };
}

/** How much a project has of what is limited: nothing is, beside the sizes in the configuration. */
async function showUsage(_call: Call): Promise<unknown> {
  return { usage: {} };
}

export const infoRoutes: readonly Route<ImageDeps>[] = [
  { method: 'GET', path: '/v2/info/stores', handler: listStores },
  { method: 'GET', path: '/v2/info/import', handler: showImport },
  { method: 'GET', path: '/v2/info/usage', handler: showUsage },
];
