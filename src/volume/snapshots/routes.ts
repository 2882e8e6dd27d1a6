// Routes of snapshots.
import type { VolumeRoute } from '#volume/deps.ts';
import { metadataRoutes } from '#volume/metadata-routes.ts';
import { emptyAction } from '#volume/schema-types.ts';
import { forceDelete } from './actions/os-force_delete.ts';
import { resetStatus } from './actions/os-reset_status.ts';
import { unmanageSnapshot } from './actions/os-unmanage.ts';
import { updateStatus } from './actions/os-update_snapshot_status.ts';
import { findSnapshot } from './find.ts';
import { create, listBrief, listDetail, remove, show, update } from './handlers.ts';
import { createSnapshotSchema, resetStatusBody, updateSnapshotSchema, updateStatusBody } from './schema.ts';
import { addMetadata, clearMetadata, removeMetadataKey } from './store.ts';

export const snapshotRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path: '/snapshots', handler: listBrief, policy: 'volume:get_all_snapshots' },
  { method: 'GET', path: '/snapshots/detail', handler: listDetail, policy: 'volume:get_all_snapshots' },
  {
    method: 'POST',
    path: '/snapshots',
    handler: create,
    body: createSnapshotSchema,
    success: 202,
    errors: [413],
  },
  { method: 'GET', path: '/snapshots/:id', handler: show },
  { method: 'PUT', path: '/snapshots/:id', handler: update, body: updateSnapshotSchema },
  { method: 'DELETE', path: '/snapshots/:id', handler: remove, success: 202 },
  {
    method: 'POST',
    path: '/snapshots/:id/action',
    actions: [
      { key: 'os-reset_status', handler: resetStatus, body: resetStatusBody },
      { key: 'os-update_snapshot_status', handler: updateStatus, body: updateStatusBody },
      { key: 'os-unmanage', handler: unmanageSnapshot, body: emptyAction('os-unmanage') },
      { key: 'os-force_delete', handler: forceDelete, body: emptyAction('os-force_delete') },
    ],
  },
  ...metadataRoutes({
    path: '/snapshots',
    rules: {
      get: 'volume:get_snapshot_metadata',
      create: 'volume:update_snapshot_metadata',
      update: 'volume:update_snapshot_metadata',
      delete: 'volume:delete_snapshot_metadata',
    },
    find: async (call, deps, rule) => {
      const { snapshot, metadata } = await findSnapshot(call, deps, rule);
      return { id: snapshot.id, metadata };
    },
    add: addMetadata,
    clear: clearMetadata,
    removeKey: removeMetadataKey,
  }),
];
