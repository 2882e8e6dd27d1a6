// Routes of volumes.
import type { VolumeRoute } from '#volume/deps.ts';
import { metadataRoutes } from '#volume/metadata-routes.ts';
import { createVolume } from './create.ts';
import { findVolume } from './find.ts';
import { launchRecord, show, update } from './handlers.ts';
import { listBrief, listDetail, summary } from './list.ts';
import { remove } from './remove.ts';
import { createVolumeSchema, createVolumeSchema_3_53, updateVolumeSchema } from './schema.ts';
import { addMetadata, clearMetadata, removeMetadataKey } from './store.ts';

export const volumeRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path: '/volumes', handler: listBrief, policy: 'volume:get_all' },
  { method: 'GET', path: '/volumes/detail', handler: listDetail, policy: 'volume:get_all' },
  { method: 'GET', path: '/volumes/summary', handler: summary, policy: 'volume:get_all', since: '3.12' },
  {
    method: 'POST',
    path: '/volumes',
    handler: createVolume,
    body: [{ schema: createVolumeSchema }, { since: '3.53', schema: createVolumeSchema_3_53 }],
    success: 202,
    errors: [413],
  },
  { method: 'GET', path: '/volumes/:id', handler: show },
  { method: 'PUT', path: '/volumes/:id', handler: update, body: updateVolumeSchema },
  { method: 'DELETE', path: '/volumes/:id', handler: remove, success: 202 },
  { method: 'GET', path: '/volumes/:id/launch-record', handler: launchRecord },
  ...metadataRoutes({
    path: '/volumes',
    rules: {
      get: 'volume:get_volume_metadata',
      create: 'volume:create_volume_metadata',
      update: 'volume:update_volume_metadata',
      delete: 'volume:delete_volume_metadata',
    },
    find: async (call, deps, rule) => {
      const { volume, metadata } = await findVolume(call, deps, rule);
      return { id: volume.id, metadata };
    },
    add: async (trx, id, entries) => addMetadata(trx, 'volume_metadata', id, entries),
    clear: async (trx, id) => clearMetadata(trx, 'volume_metadata', id),
    removeKey: async (trx, id, key) => removeMetadataKey(trx, 'volume_metadata', id, key),
  }),
];
