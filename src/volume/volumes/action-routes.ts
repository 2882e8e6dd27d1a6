// The actions on a volume: POST /volumes/{id}/action, one key a body.
import type { VolumeAction, VolumeRoute } from '#volume/deps.ts';
import { emptyAction } from '#volume/schema-types.ts';
import { attachVolume } from './actions/os-attach.ts';
import { beginDetaching } from './actions/os-begin_detaching.ts';
import { detachVolume } from './actions/os-detach.ts';
import { forceDetach } from './actions/os-force_detach.ts';
import { initializeConnection } from './actions/os-initialize_connection.ts';
import { reserveVolume } from './actions/os-reserve.ts';
import { rollDetaching } from './actions/os-roll_detaching.ts';
import { terminateConnection } from './actions/os-terminate_connection.ts';
import { unreserveVolume } from './actions/os-unreserve.ts';
import { extendVolume } from './actions/os-extend.ts';
import { forceDelete } from './actions/os-force_delete.ts';
import { migrateVolume } from './actions/os-migrate_volume.ts';
import { completeMigration } from './actions/os-migrate_volume_completion.ts';
import { reimageVolume } from './actions/os-reimage.ts';
import { resetStatus } from './actions/os-reset_status.ts';
import { retypeVolume } from './actions/os-retype.ts';
import { setBootable } from './actions/os-set_bootable.ts';
import { setImageMetadata } from './actions/os-set_image_metadata.ts';
import { showImageMetadata } from './actions/os-show_image_metadata.ts';
import { unmanageVolume } from './actions/os-unmanage.ts';
import { unsetImageMetadata } from './actions/os-unset_image_metadata.ts';
import { updateReadonlyFlag } from './actions/os-update_readonly_flag.ts';
import { uploadImage } from './actions/os-volume_upload_image.ts';
import { revertToSnapshot } from './actions/revert.ts';
import {
  attachBody,
  bootableBody,
  completeMigrationBody,
  detachBody,
  extendBody,
  forceDetachBody,
  initializeBody,
  migrateBody,
  migrateBody_3_16,
  readonlyBody,
  reimageBody,
  resetStatusBody,
  retypeBody,
  revertBody,
  setImageMetadataBody,
  terminateBody,
  unsetImageMetadataBody,
  uploadImageBody,
  uploadImageBody_3_1,
} from './schema.ts';

const empty = (key: string, handler: VolumeAction['handler']): VolumeAction => ({
  key,
  handler,
  body: emptyAction(key),
});

const actions: readonly VolumeAction[] = [
  { key: 'os-extend', handler: extendVolume, body: extendBody },
  { key: 'os-reset_status', handler: resetStatus, body: resetStatusBody },
  empty('os-force_delete', forceDelete),
  empty('os-unmanage', unmanageVolume),
  { key: 'os-set_bootable', handler: setBootable, body: bootableBody, success: 200 },
  { key: 'os-update_readonly_flag', handler: updateReadonlyFlag, body: readonlyBody },
  { key: 'os-set_image_metadata', handler: setImageMetadata, body: setImageMetadataBody, success: 200 },
  { key: 'os-unset_image_metadata', handler: unsetImageMetadata, body: unsetImageMetadataBody, success: 200 },
  { ...empty('os-show_image_metadata', showImageMetadata), success: 200 },
  { key: 'os-retype', handler: retypeVolume, body: retypeBody },
  {
    key: 'os-migrate_volume',
    handler: migrateVolume,
    body: [{ schema: migrateBody }, { since: '3.16', schema: migrateBody_3_16 }],
  },
  {
    key: 'os-migrate_volume_completion',
    handler: completeMigration,
    body: completeMigrationBody,
    success: 200,
  },
  {
    key: 'os-volume_upload_image',
    handler: uploadImage,
    body: [{ schema: uploadImageBody }, { since: '3.1', schema: uploadImageBody_3_1 }],
  },
  { key: 'revert', handler: revertToSnapshot, body: revertBody, since: '3.40' },
  { key: 'os-reimage', handler: reimageVolume, body: reimageBody, since: '3.68' },
  empty('os-reserve', reserveVolume),
  empty('os-unreserve', unreserveVolume),
  empty('os-begin_detaching', beginDetaching),
  empty('os-roll_detaching', rollDetaching),
  { key: 'os-attach', handler: attachVolume, body: attachBody },
  { key: 'os-detach', handler: detachVolume, body: detachBody },
  { key: 'os-force_detach', handler: forceDetach, body: forceDetachBody },
  { key: 'os-initialize_connection', handler: initializeConnection, body: initializeBody, success: 200 },
  { key: 'os-terminate_connection', handler: terminateConnection, body: terminateBody },
];

export const volumeActionRoutes: readonly VolumeRoute[] = [
  { method: 'POST', path: '/volumes/:id/action', actions, errors: [413, 501, 503, 504] },
];
