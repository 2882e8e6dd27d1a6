// `/backups`: copies of volumes beside their backend, whole or as what changed.
import type { VolumeRoute } from '#volume/deps.ts';
import { forceDeleteBackup } from './actions/os-force_delete.ts';
import { resetBackupStatus } from './actions/os-reset_status.ts';
import { create } from './create.ts';
import { listBrief, listDetail, remove, show, update } from './handlers.ts';
import { exportRecord, importRecord } from './record.ts';
import { restore } from './restore.ts';
import {
  createBackup,
  createBackup_3_43,
  createBackup_3_51,
  importRecord as importBody,
  restoreBackup,
  updateBackup_3_43,
  updateBackup_3_9,
} from './schema.ts';

const path = '/backups';

export const backupRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path, handler: listBrief, policy: 'backup:get_all' },
  { method: 'GET', path: `${path}/detail`, handler: listDetail, policy: 'backup:get_all' },
  {
    method: 'POST',
    path,
    handler: create,
    body: [
      { schema: createBackup },
      { since: '3.43', schema: createBackup_3_43 },
      { since: '3.51', schema: createBackup_3_51 },
    ],
    success: 202,
    errors: [413],
  },
  {
    method: 'POST',
    path: `${path}/import_record`,
    handler: importRecord,
    policy: 'backup:backup-import',
    body: importBody,
    success: 201,
  },
  { method: 'GET', path: `${path}/:id`, handler: show },
  {
    method: 'PUT',
    path: `${path}/:id`,
    handler: update,
    since: '3.9',
    body: [
      { since: '3.9', schema: updateBackup_3_9 },
      { since: '3.43', schema: updateBackup_3_43 },
    ],
  },
  { method: 'DELETE', path: `${path}/:id`, handler: remove, success: 202 },
  {
    method: 'POST',
    path: `${path}/:id/restore`,
    handler: restore,
    body: restoreBackup,
    success: 202,
    errors: [413],
  },
  { method: 'GET', path: `${path}/:id/export_record`, handler: exportRecord },
  { method: 'POST', path: `${path}/:id/action`, actions: [resetBackupStatus, forceDeleteBackup] },
];
