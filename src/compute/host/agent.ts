// The compute agent: serves the queue of its host, reports the host, brings guests back after a restart, and audits leftovers.
import { serveRpc, type Delivery } from '#platform/bus/bus.ts';
import { causeChain, DomainError } from '#platform/errors/domain-error.ts';
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import {
  agentQueue,
  evacuatedTopic,
  liveMigrationsQueue,
  type ActionRef,
  type AgentRpc,
  type HostReport,
  type LiveMigrationsRpc,
} from '../rpc.ts';
import { attachInterface, detachInterface } from '../tasks/attach-interface.ts';
import { attachVolume, detachVolume } from '../tasks/attach-volume.ts';
import { createImage } from '../tasks/create-image.ts';
import { cleanUpServer, deleteServer } from '../tasks/delete-server.ts';
import { dropEvacuated, evacuateServer } from '../tasks/evacuate-server.ts';
import { extendVolume } from '../tasks/extend-volume.ts';
import { launchServer } from '../tasks/launch-server.ts';
import { forceCompleteMigration, liveMigrateServer } from '../tasks/live-migrate-server.ts';
import { dropMoved, moveServer } from '../tasks/move-server.ts';
import {
  pauseServer,
  rebootServer,
  resumeServer,
  startServer,
  stopServer,
  suspendServer,
  triggerCrashDump,
  unpauseServer,
} from '../tasks/power-server.ts';
import { rebuildServer } from '../tasks/rebuild-server.ts';
import { revertMove } from '../tasks/revert-move.ts';
import { rescueServer, unrescueServer } from '../tasks/rescue-server.ts';
import { offloadServer, shelveServer, startShelvedServer } from '../tasks/shelve-server.ts';
import { restoreServer, softDeleteServer } from '../tasks/soft-delete-server.ts';
import { swapVolume } from '../tasks/swap-volume.ts';
import { unshelveServer } from '../tasks/unshelve-server.ts';
import { auditHost } from './audit.ts';
import { boundConsoleLogs, readConsoleTail } from './console-log.ts';
import { startCountingFlows } from './count-flows.ts';
import { cacheImages } from './cache-images.ts';
import { createBackup } from './create-backup.ts';
import type { HostDeps } from './deps.ts';
import { serveMoveParts } from './moves/parts.ts';
import { instancePaths, instancesDir } from './paths.ts';
import { followPowerStates } from './power-states.ts';
import { hostReport } from './resources.ts';
import { startRepairingPorts } from './repair-ports.ts';
import { restoreGuests } from './restore-guests.ts';

/** Operations at once on one host: more, and a burst of launches makes each of them late. */
const CONCURRENCY = 10;
/** Live migrations at once where the operator sets no bound: as many as one outbox has under way. */
const UNBOUNDED = 64;

/** Resolves when the host is reported and its queue is served. Guests of an earlier run are brought back beside that. */
export async function startAgent(deps: HostDeps): Promise<AsyncDisposable> {
  const { config, bus, log } = deps;
  await deps.imageCache.removeUnfinished();
  await deps.conductor.call('reportHost', await firstReport(deps));
  const restored = restoreGuests(deps).catch((error: unknown) =>
    log.error({ err: error }, 'guests could not be brought back'),
  );
  const flows = startCountingFlows(deps, restored);
  const parts = await serveMoveParts(deps);
  const served = await serveRpc<AgentRpc>(bus, agentQueue(config.host), handlers(deps, restored, flows), {
    concurrency: CONCURRENCY,
  });
  const migrations = await serveRpc<LiveMigrationsRpc>(
    bus,
    liveMigrationsQueue(config.host),
    { liveMigrateServer: inTurn(deps, restored)(liveMigrateServer) },
    { concurrency: config.maxConcurrentLiveMigrations || UNBOUNDED },
  );
  const heartbeat = startLoop({
    name: `heartbeat-${config.host}`,
    intervalMs: config.heartbeatMs,
    log,
    run: async () => void (await deps.conductor.call('reportHost', await hostReport(deps))),
  });
  const audit = startLoop({
    name: `audit-${config.host}`,
    intervalMs: config.auditMs,
    log,
    run: async () => {
      await restored;
      await dropEvacuated(deps);
      await auditHost(deps);
      await boundConsoleLogs(instancesDir(config));
    },
  });
  const evacuations = await bus.subscribe(evacuatedTopic(config.host), () => audit.nudge());
  const ports = startRepairingPorts(deps, restored);
  const power = followPowerStates(deps, restored);
  return {
    [Symbol.asyncDispose]: async () => {
      await served.close();
      await migrations.close();
      await parts.close();
      await evacuations.close();
      await Promise.all([
        heartbeat[Symbol.asyncDispose](),
        audit[Symbol.asyncDispose](),
        ports[Symbol.asyncDispose](),
        power[Symbol.asyncDispose](),
        flows[Symbol.asyncDispose](),
        restored,
      ]);
      await endGuests(deps);
    },
  };
}

const FIRST_REPORT_DEADLINE_MS = 30_000; // a hypervisor that starts beside us, or is being restarted, answers within
const FIRST_REPORT_PAUSE_MS = 200;

/** The host's first report: a hypervisor that does not answer yet is asked again until the deadline. */
async function firstReport(deps: HostDeps): Promise<HostReport> {
  const end = deps.clock.now() + FIRST_REPORT_DEADLINE_MS;
  for (;;) {
    try {
      return await hostReport(deps);
    } catch (error) {
      if (deps.clock.now() > end) throw error;
      deps.log.warn({ causes: causeChain(error) }, 'the hypervisor does not answer yet');
      await deps.clock.sleep(FIRST_REPORT_PAUSE_MS, deps.signal);
    }
  }
}

/**
 * Guests end with the host's programs: they are asked first, so that what they have not written yet is not lost. Their
 * entries stay as they are, and the next start runs them again.
 */
async function endGuests({ hypervisor, config, log }: HostDeps): Promise<void> {
  try {
    const running = (await hypervisor.listServers()).filter((guest) => guest.state === 'running');
    await Promise.all(
      running.map(async ({ id }) => hypervisor.stopServer(id, { graceMs: config.closingGraceMs })),
    );
  } catch (error) {
    log.warn({ err: error, host: config.host }, 'guests could not be ended in order');
  }
}

/** One operation at a time for each instance, and none before the guests of an earlier run are back. */
const inTurn =
  (deps: HostDeps, restored: Promise<unknown>) =>
  <A extends ActionRef>(operation: (deps: HostDeps, args: A, delivery: Delivery) => Promise<void>) =>
  async (args: A, delivery: Delivery): Promise<void> => {
    await restored;
    await deps.instanceLocks.run(args.instance_id, async () => operation(deps, args, delivery));
  };

function handlers(
  deps: HostDeps,
  restored: Promise<unknown>,
  flows: Loop,
): Parameters<typeof serveRpc<AgentRpc>>[2] {
  const each = inTurn(deps, restored);
  /** What is being done with the instance is called off first. */
  const instead =
    (operation: (deps: HostDeps, args: ActionRef) => Promise<void>) =>
    async (args: ActionRef, delivery: Delivery): Promise<void> => {
      deps.cancellations.cancel(args.instance_id);
      await each(operation)(args, delivery);
    };
  return {
    launchServer: async (args, delivery) => {
      await each(launchServer)(args, delivery);
      flows.nudge();
    },
    deleteServer: instead(deleteServer),
    softDeleteServer: instead(softDeleteServer),
    restoreServer: each(restoreServer),
    cleanUpServer: instead(cleanUpServer),
    callOffAction: async ({ instance_id, action_id }) => deps.cancellations.cancel(instance_id, action_id),
    moveServer: each(moveServer),
    revertMove: each(revertMove),
    dropMoved: async (args) => deps.instanceLocks.run(args.instance_id, async () => dropMoved(deps, args)),
    startServer: each(startServer),
    stopServer: each(stopServer),
    rebootServer: each(rebootServer),
    pauseServer: each(pauseServer),
    unpauseServer: each(unpauseServer),
    suspendServer: each(suspendServer),
    resumeServer: each(resumeServer),
    rebuildServer: each(rebuildServer),
    triggerCrashDump: each(triggerCrashDump),
    rescueServer: each(rescueServer),
    unrescueServer: each(unrescueServer),
    shelveServer: each(shelveServer),
    offloadServer: each(offloadServer),
    startShelvedServer: each(startShelvedServer),
    unshelveServer: each(unshelveServer),
    evacuateServer: each(evacuateServer),
    createImage: each(createImage),
    createBackup: each(createBackup),
    attachInterface: each(attachInterface),
    detachInterface: each(detachInterface),
    attachVolume: each(attachVolume),
    detachVolume: each(detachVolume),
    extendVolume: each(extendVolume),
    swapVolume: each(swapVolume),
    cacheImages: async (args) => cacheImages(deps, args),
    forceCompleteMigration: async (args) => forceCompleteMigration(deps, args),
    getConsoleOutput: async ({ instance_id, lines }) => ({
      output: await consoleOutput(deps, instance_id, lines),
    }),
    getDiagnostics: async ({ instance_id }) => diagnostics(deps, instance_id),
  };
}

async function consoleOutput(deps: HostDeps, instanceId: string, lines: number | null): Promise<string> {
  const text = (await readConsoleTail(instancePaths(deps.config, instanceId).consoleLog)).toString('utf8');
  if (lines === null || lines < 0) return text;
  // What is after the last line break counts as a line, as upstream counts.
  return lines === 0 ? '' : text.split('\n').slice(-lines).join('\n');
}

async function diagnostics(deps: HostDeps, instanceId: string): Promise<Record<string, unknown>> {
  const { state } = await deps.hypervisor.serverState(instanceId);
  if (state === 'absent')
    throw new DomainError('conflict', 'not-running', `Server ${instanceId} is not running.`);
  const facts = await deps.hypervisor.diagnostics(instanceId);
  return JSON.parse(
    JSON.stringify(facts, (_key, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)),
  ) as Record<string, unknown>;
}
