// The volume service of one backend: serves its queue, tells of the backend, and keeps what is exported equal to the
// attachments. `src/cloud` starts one for each backend of the world.
import { rm } from 'node:fs/promises';
import type { VolumeDriver } from '#drivers/volume/port.ts';
import { serveRpc } from '#platform/bus/bus.ts';
import { causeChain } from '#platform/errors/domain-error.ts';
import type { Log } from '#platform/log/log.ts';
import { LogLevels } from '#platform/log/log-levels.ts';
import { KeyedMutex } from '#platform/lock/keyed-mutex.ts';
import { startLoop } from '#platform/loop/loop.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { volumeQueue, type VolumeServiceRpc } from '#volume/rpc.ts';
import { createBackup } from '#volume/tasks/create-backup.ts';
import { createVolume } from '#volume/tasks/create-volume.ts';
import { deleteBackup } from '#volume/tasks/delete-backup.ts';
import { deleteVolume } from '#volume/tasks/delete-volume.ts';
import { extendVolume } from '#volume/tasks/extend-volume.ts';
import { createGroupSnapshot } from '#volume/tasks/group-snapshot.ts';
import { manageSnapshot, manageVolume } from '#volume/tasks/manage.ts';
import { migrateVolume } from '#volume/tasks/migrate-volume.ts';
import { reimageVolume } from '#volume/tasks/reimage-volume.ts';
import { adoptCopy, reencryptVolume } from '#volume/tasks/reencrypt-volume.ts';
import { restoreBackup } from '#volume/tasks/restore-backup.ts';
import { createSnapshot, deleteSnapshot, revertToSnapshot } from '#volume/tasks/snapshots.ts';
import { uploadVolume } from '#volume/tasks/upload-volume.ts';
import { cleanUp } from '../workers/clean-up.ts';
import { connect, disconnect, restoreConnections } from './connections.ts';
import type { BackendDeps } from './deps.ts';
import { endMigrationExport, exportForMigration, removeStrayCopy } from './migration-source.ts';
import { spoolDirOf } from './paths.ts';
import { reportBackend } from './report.ts';

export interface Backend {
  /** The storage host. */
  readonly host: string;
  /** `file`, `rbd`: also the pool's name. */
  readonly name: string;
  readonly availabilityZone: string;
  /** Closed by who made it. */
  readonly driver: VolumeDriver;
}

/** Resolves when the backend is reported and its queue served; what a crash interrupted comes again by the outbox. */
export async function startVolumeBackend(service: VolumeDeps, backend: Backend): Promise<AsyncDisposable> {
  const closing = new AbortController();
  const levels = new LogLevels(service.log.child({ backend: `${backend.host}@${backend.name}` }));
  const deps = depsOf(service, backend, levels.logger('volume.backend'), closing.signal);
  await rm(spoolDirOf(deps), { recursive: true, force: true });
  await using undo = new AsyncDisposableStack();
  const report = startLoop({
    name: `volume-report-${deps.host}`,
    intervalMs: deps.config.reportIntervalMs,
    log: levels.logger('volume.report'),
    run: async () => reportBackend(deps),
  });
  undo.use(report);
  const exports = startLoop({
    name: `volume-exports-${deps.host}`,
    intervalMs: deps.config.reconcileIntervalMs,
    log: levels.logger('volume.exports'),
    run: async () => restoreConnections(deps),
  });
  undo.use(exports);
  undo.defer(backend.driver.onLost(() => exports.nudge()));
  await reportBackend(deps).catch((error: unknown) => {
    deps.log.warn({ backend: deps.host, causes: causeChain(error) }, 'the backend does not answer yet');
  });
  const queue = await serveRpc<VolumeServiceRpc>(deps.bus, volumeQueue(deps.host), {
    createVolume: async (args) => createVolume(deps, args),
    deleteVolume: async (args) => deleteVolume(deps, args),
    extendVolume: async (args) => extendVolume(deps, args),
    createSnapshot: async (args) => createSnapshot(deps, args),
    createGroupSnapshot: async (args) => createGroupSnapshot(deps, args),
    deleteSnapshot: async (args) => deleteSnapshot(deps, args),
    revertToSnapshot: async (args) => revertToSnapshot(deps, args),
    uploadVolume: async (args) => uploadVolume(deps, args),
    reimageVolume: async (args) => reimageVolume(deps, args),
    createBackup: async (args) => createBackup(deps, args),
    restoreBackup: async (args) => restoreBackup(deps, args),
    deleteBackup: async (args) => deleteBackup(deps, args),
    listStored: async () => deps.driver.list(),
    manageVolume: async (args) => manageVolume(deps, args),
    manageSnapshot: async (args) => manageSnapshot(deps, args),
    connect: async (args) => connect(deps, args),
    disconnect: async (args) => disconnect(deps, args),
    migrateVolume: async (args) => migrateVolume(deps, args),
    reencryptVolume: async (args) => reencryptVolume(deps, args),
    adoptCopy: async (args) => adoptCopy(deps, args),
    exportForMigration: async (args) => exportForMigration(deps, args),
    endMigrationExport: async (args) => endMigrationExport(deps, args),
    removeStrayCopy: async (args) => removeStrayCopy(deps, args),
    setLogLevels: async ({ prefix, level }) => levels.set(prefix, level),
    getLogLevels: async ({ prefix }) => levels.get(prefix),
    cleanUp: async (args) => cleanUp(deps, args, deps.inHand),
  });
  const owned = undo.move();
  return {
    [Symbol.asyncDispose]: async () => {
      closing.abort(new Error('the volume service is closing'));
      await queue.close();
      await owned.disposeAsync();
    },
  };
}

function depsOf(service: VolumeDeps, backend: Backend, log: Log, signal: AbortSignal): BackendDeps {
  const host = `${backend.host}@${backend.name}`;
  return {
    config: service.config,
    clock: service.clock,
    log,
    bus: service.bus,
    db: service.db,
    image: service.image,
    peer: service.peer,
    serviceToken: service.serviceToken,
    dataDir: service.dataDir,
    ...(service.backupObjects ? { backupObjects: service.backupObjects } : {}),
    host,
    pool: backend.name,
    cluster: service.config.cluster === null ? null : `${service.config.cluster}@${backend.name}`,
    availabilityZone: backend.availabilityZone,
    driver: backend.driver,
    volumeLocks: new KeyedMutex(),
    inHand: new Set(),
    connectionLock: new KeyedMutex(),
    signal,
  };
}
