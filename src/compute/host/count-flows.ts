// Counts the flows of launches that have ended, for hops `network.southbound` and `network.bind` of their records. Beside
// the launches and never within one: it waits for a lull, and takes one launch at a time. What it has not counted when
// the process ends is listed again at the next start.
import { isoTime } from '#platform/context/clock.ts';
import { causeChain } from '#platform/errors/domain-error.ts';
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import type { UncountedLaunch } from '../rpc.ts';
import type { HostDeps } from './deps.ts';

const INTERVAL_MS = 60_000; // how late a count is repeated that failed
const LULL_MS = 250; // shorter, and a count begins between two launches of a row
const LONGEST_WAIT_MS = 30_000; // a host that never rests has its launches counted all the same
const DEADLINE_MS = 5000;

/** `restored`: guests of an earlier run are back, and their ports with them. Nudge it when a launch has ended. */
export function startCountingFlows(deps: HostDeps, restored: Promise<unknown>): Loop {
  const { config, conductor, log } = deps;
  return startLoop({
    name: `count-flows-${config.host}`,
    intervalMs: INTERVAL_MS,
    log,
    run: async (signal) => {
      await restored;
      await waitForLull(deps, signal);
      for (const launch of await conductor.call('listUncountedLaunches', { host: config.host })) {
        await waitForLull(deps, signal);
        await countFlows(deps, launch, signal).catch((error: unknown) => {
          signal.throwIfAborted();
          log.info(
            { server_id: launch.instance_id, causes: causeChain(error) },
            'flows of a launch not counted, will retry',
          );
        });
      }
    },
  });
}

/** Until nothing has been done with any server of the host for a moment. */
async function waitForLull({ cancellations, clock }: HostDeps, signal: AbortSignal): Promise<void> {
  const end = clock.now() + LONGEST_WAIT_MS;
  do await clock.sleep(LULL_MS, signal);
  while (cancellations.working && clock.now() < end);
}

/** @throws when a port is gone or not up, or what is asked does not answer in time */
async function countFlows(deps: HostDeps, launch: UncountedLaunch, closing: AbortSignal): Promise<void> {
  const logical: Array<Record<string, unknown>> = [];
  const openflow: Array<Record<string, unknown>> = [];
  for (const port of launch.ports) {
    const counted = await countOfPort(
      deps,
      port,
      AbortSignal.any([closing, AbortSignal.timeout(DEADLINE_MS)]),
    );
    logical.push({ port_id: port.port_id, ...counted.logical });
    openflow.push({ port_id: port.port_id, ...counted.openflow });
  }
  const counted_at = isoTime(deps.clock);
  await deps.conductor.call('addEvidence', {
    saga_id: launch.action_id,
    attempt: launch.attempt,
    evidence: {
      'network.southbound': { logical_flows: logical, counted_at },
      'network.bind': { openflow_rules: openflow, counted_at },
    },
  });
}

type Counts = Record<'logical' | 'openflow', Record<string, unknown>>;

const NOT_MODELLED = { not_counted: 'the models of a simulated cloud compute no flows' };

async function countOfPort(
  { network, hostSwitch, serviceToken }: HostDeps,
  { port_id, devname }: UncountedLaunch['ports'][number],
  signal: AbortSignal,
): Promise<Counts> {
  if (!hostSwitch.countFlows) return { logical: NOT_MODELLED, openflow: NOT_MODELLED };
  const trace = await network.getPortTrace(await serviceToken(), port_id, { flows: true });
  const { datapath, datapath_key, tunnel_key, logical_flows } = trace.southbound;
  if (!trace.up || typeof logical_flows !== 'number')
    throw new Error(`port ${port_id} is not up: ${trace.missing ?? 'no binding'}`);
  const rules = await hostSwitch.countFlows(
    { devname, datapathKey: Number(datapath_key), portKey: Number(tunnel_key) },
    signal,
  );
  return { logical: { datapath, of_datapath: logical_flows }, openflow: { ...rules } };
}
