// `POST /servers/{id}/action`: every action by its key. One that is not here does not exist: 400.
import type { Action, VersionedSchema } from '#platform/http/api.ts';
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { addFixedIp, addFixedIpBody } from './actions/addFixedIp.ts';
import { addFloatingIp, addFloatingIpBody } from './actions/addFloatingIp.ts';
import { addSecurityGroup, addSecurityGroupBody } from './actions/addSecurityGroup.ts';
import { changePassword, changePasswordBody } from './actions/changePassword.ts';
import { confirmResize } from './actions/confirmResize.ts';
import { createBackup, createBackupBody } from './actions/createBackup.ts';
import { createImage, createImageBody } from './actions/createImage.ts';
import { evacuateBody, evacuateServer } from './actions/evacuate.ts';
import { forceDelete } from './actions/forceDelete.ts';
import { injectNetworkInfo } from './actions/injectNetworkInfo.ts';
import { lockBody, lockServer } from './actions/lock.ts';
import { consoleOutputBody, getConsoleOutput } from './actions/os-getConsoleOutput.ts';
import { migrateBody, migrateServer } from './actions/migrate.ts';
import { migrateLive, migrateLiveBody } from './actions/os-migrateLive.ts';
import { resizeBody, resizeServer } from './actions/resize.ts';
import { revertResize } from './actions/revertResize.ts';
import { getRdpConsole, getRdpConsoleBody } from './actions/os-getRDPConsole.ts';
import { getSerialConsole, getSerialConsoleBody } from './actions/os-getSerialConsole.ts';
import { getSpiceConsole, getSpiceConsoleBody } from './actions/os-getSPICEConsole.ts';
import { getVncConsole, getVncConsoleBody } from './actions/os-getVNCConsole.ts';
import { resetState, resetStateBody } from './actions/os-resetState.ts';
import { startServer } from './actions/os-start.ts';
import { stopServer } from './actions/os-stop.ts';
import { pauseServer } from './actions/pause.ts';
import { rebootBody, rebootServer } from './actions/reboot.ts';
import { rebuildServer } from './actions/rebuild.ts';
import { removeFixedIp, removeFixedIpBody } from './actions/removeFixedIp.ts';
import { removeFloatingIp, removeFloatingIpBody } from './actions/removeFloatingIp.ts';
import { removeSecurityGroup, removeSecurityGroupBody } from './actions/removeSecurityGroup.ts';
import { rescueBody, rescueServer } from './actions/rescue.ts';
import { resetNetwork } from './actions/resetNetwork.ts';
import { restoreServer } from './actions/restore.ts';
import { resumeServer } from './actions/resume.ts';
import { shelveServer } from './actions/shelve.ts';
import { offloadServer } from './actions/shelveOffload.ts';
import { suspendServer } from './actions/suspend.ts';
import { triggerCrashDump, triggerCrashDumpBody } from './actions/trigger_crash_dump.ts';
import { unlockServer } from './actions/unlock.ts';
import { unpauseServer } from './actions/unpause.ts';
import { unrescueServer } from './actions/unrescue.ts';
import { unshelveBody, unshelveServer } from './actions/unshelve.ts';
import * as schema from './schema.ts';

export const serverActions: readonly Action<ComputeDeps>[] = [
  { key: 'os-start', handler: startServer },
  { key: 'os-stop', handler: stopServer },
  { key: 'reboot', handler: rebootServer, body: rebootBody },
  { key: 'pause', handler: pauseServer },
  { key: 'unpause', handler: unpauseServer },
  { key: 'suspend', handler: suspendServer },
  { key: 'resume', handler: resumeServer },
  { key: 'lock', handler: lockServer, body: lockBody as readonly VersionedSchema[] },
  { key: 'unlock', handler: unlockServer },
  { key: 'rebuild', handler: rebuildServer, body: schema.rebuildServer },
  { key: 'rescue', handler: rescueServer, body: rescueBody, success: 200 },
  { key: 'unrescue', handler: unrescueServer },
  { key: 'shelve', handler: shelveServer },
  { key: 'shelveOffload', handler: offloadServer },
  { key: 'unshelve', handler: unshelveServer, body: unshelveBody },
  { key: 'resize', handler: resizeServer, body: resizeBody },
  { key: 'confirmResize', handler: confirmResize, success: 204 },
  { key: 'revertResize', handler: revertResize },
  { key: 'migrate', handler: migrateServer, body: migrateBody },
  { key: 'os-migrateLive', handler: migrateLive, body: migrateLiveBody },
  { key: 'evacuate', handler: evacuateServer, body: evacuateBody, success: 200 },
  {
    key: 'trigger_crash_dump',
    handler: triggerCrashDump,
    body: triggerCrashDumpBody,
    since: '2.17',
  },
  { key: 'createImage', handler: createImage, body: createImageBody },
  { key: 'createBackup', handler: createBackup, body: createBackupBody },
  { key: 'addSecurityGroup', handler: addSecurityGroup, body: addSecurityGroupBody },
  { key: 'removeSecurityGroup', handler: removeSecurityGroup, body: removeSecurityGroupBody },
  { key: 'addFixedIp', handler: addFixedIp, body: addFixedIpBody, until: '2.43' },
  { key: 'removeFixedIp', handler: removeFixedIp, body: removeFixedIpBody, until: '2.43' },
  { key: 'addFloatingIp', handler: addFloatingIp, body: addFloatingIpBody, until: '2.43' },
  { key: 'removeFloatingIp', handler: removeFloatingIp, body: removeFloatingIpBody, until: '2.43' },
  { key: 'os-getConsoleOutput', handler: getConsoleOutput, body: consoleOutputBody, success: 200 },
  { key: 'os-getVNCConsole', handler: getVncConsole, body: getVncConsoleBody, success: 200, until: '2.5' },
  {
    key: 'os-getSerialConsole',
    handler: getSerialConsole,
    body: getSerialConsoleBody,
    success: 200,
    until: '2.5',
  },
  {
    key: 'os-getSPICEConsole',
    handler: getSpiceConsole,
    body: getSpiceConsoleBody,
    success: 200,
    until: '2.5',
  },
  { key: 'os-getRDPConsole', handler: getRdpConsole, body: getRdpConsoleBody, success: 200, until: '2.5' },
  { key: 'os-resetState', handler: resetState, body: resetStateBody },
  { key: 'changePassword', handler: changePassword, body: changePasswordBody },
  { key: 'forceDelete', handler: forceDelete, success: 202 },
  { key: 'restore', handler: restoreServer },
  { key: 'injectNetworkInfo', handler: injectNetworkInfo },
  { key: 'resetNetwork', handler: resetNetwork, success: 410 },
];

export const serverActionRoutes: readonly ComputeRoute[] = [
  { method: 'POST', path: '/v2.1/servers/:id/action', actions: serverActions, errors: [409, 501] },
];
