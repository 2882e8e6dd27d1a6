// The conductor: the only one who has the database on behalf of the agents. Serves the queue `conductor`.
import { serveRpc, type Subscription } from '#platform/bus/bus.ts';
import { listSteps } from '#platform/saga/sql-log.ts';
import { isoTime } from '#platform/context/clock.ts';
import { exchangeVolumes, removeDevices, updateDevice } from '../block-devices/store.ts';
import type { ComputeDeps } from '../deps.ts';
import { CONDUCTOR_QUEUE, type ConductorRpc } from '../rpc.ts';
import { failAction, finishAction, finishDelete, loadEntry } from './actions.ts';
import { deleteServerWithoutHost } from './delete-without-host.ts';
import { listHostEntries, reportHost, reportPowerStates } from './hosts.ts';
import { failLaunch, finishLaunch, prepareLaunch } from './launch.ts';
import { addEvidence, listUncountedLaunches } from './late-evidence.ts';
import {
  failMove,
  failRevert,
  finishMove,
  finishRevert,
  listOpenMoves,
  prepareMove,
  prepareRevert,
} from './moves.ts';
import { getGuestPassword, keepGuestPassword } from './guest-password.ts';
import { recordReady } from './ready.ts';
import { changeEntry, failUnshelve, finishOffload } from './shelve.ts';
import { finishEvacuated, finishEvacuation, listEvacuated } from './evacuate.ts';
import {
  endSideAction,
  finishLiveMigration,
  prepareLiveMigration,
  reportMigration,
  switchHost,
} from './live-migrations.ts';
import { findPortProviders, releasePortRequest } from './port-requests.ts';
import { recordStep } from './steps.ts';
import { findEntry, publishTaskState, writeVifs } from './store.ts';

/** Handlers at once: each is a few statements. */
const CONCURRENCY = 64;

export async function startConductor(deps: ComputeDeps): Promise<Subscription> {
  const { db, bus } = deps;
  return serveRpc<ConductorRpc>(
    bus,
    CONDUCTOR_QUEUE,
    {
      prepareLaunch: async (args) => prepareLaunch(deps, args),
      loadSteps: async ({ saga_id }) => listSteps(db.kysely, [saga_id]),
      recordStep: async (record) => recordStep(deps, record),
      addEvidence: async (args) => addEvidence(deps, args),
      listUncountedLaunches: async (args) => listUncountedLaunches(deps, args),
      publishTaskState: async ({ instance_id, task_state }) =>
        publishTaskState(db.kysely, instance_id, task_state),
      findPortProviders: async (args) => findPortProviders(deps, args),
      releasePortRequest: async (args) => releasePortRequest(deps, args),
      writeVifs: async ({ instance_id, vifs }) => writeVifs(db.kysely, instance_id, vifs),
      writeDevice: async ({ device_id, changes }) =>
        updateDevice(db.kysely, device_id, { ...changes, updated_at: isoTime(deps.clock) }),
      exchangeDevices: async ({ device_id, other_id }) =>
        db.transaction(async (trx) => exchangeVolumes(trx, device_id, other_id, isoTime(deps.clock))),
      removeDevice: async ({ device_id }) => removeDevices(db.kysely, [device_id]),
      finishLaunch: async (args) => finishLaunch(deps, args),
      failLaunch: async (args) => failLaunch(deps, args),
      loadEntry: async (args) => loadEntry(deps, args),
      prepareMove: async (args) => prepareMove(deps, args),
      finishMove: async (args) => finishMove(deps, args),
      failMove: async (args) => failMove(deps, args),
      prepareRevert: async (args) => prepareRevert(deps, args),
      finishRevert: async (args) => finishRevert(deps, args),
      failRevert: async (args) => failRevert(deps, args),
      prepareLiveMigration: async (args) => prepareLiveMigration(deps, args),
      reportMigration: async (args) => reportMigration(deps, args),
      switchHost: async (args) => switchHost(deps, args),
      finishLiveMigration: async (args) => finishLiveMigration(deps, args),
      endAction: async (args) => endSideAction(deps, args),
      listOpenMoves: async ({ host }) => listOpenMoves(db.kysely, host),
      finishAction: async (args) => finishAction(deps, args),
      failAction: async (args) => failAction(deps, args),
      changeEntry: async (args) => changeEntry(deps, args),
      finishOffload: async (args) => finishOffload(deps, args),
      failUnshelve: async (args) => failUnshelve(deps, args),
      finishEvacuation: async (args) => finishEvacuation(deps, args),
      listEvacuated: async (args) => listEvacuated(db.kysely, args),
      finishEvacuated: async (args) => finishEvacuated(deps, args),
      finishDelete: async (args) => finishDelete(deps, args),
      deleteServerWithoutHost: async (args) => deleteServerWithoutHost(deps, args),
      getEntry: async ({ instance_id }) => (await findEntry(db.kysely, instance_id)) ?? null,
      getGuestPassword: async (args) => getGuestPassword(deps, args),
      keepGuestPassword: async (args) => keepGuestPassword(deps, args),
      recordReady: async (args) => recordReady(deps, args),
      reportHost: async (report) => reportHost(deps, report),
      listHostEntries: async ({ host }) => listHostEntries(db.kysely, host),
      reportPowerStates: async (args) => reportPowerStates(deps, args),
    },
    { concurrency: CONCURRENCY },
  );
}
