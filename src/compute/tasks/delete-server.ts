// Deleting a server, on its host: everything derived goes, then the conductor closes the entry and frees its claim.
// There is no way back and none is needed: each step may be repeated, and a failed run is delivered again until it ends.
import { runSaga } from '#platform/saga/run-saga.ts';
import type { Saga } from '#platform/saga/saga.ts';
import type { HostDeps } from '../host/deps.ts';
import { removeInstanceFiles } from '../host/paths.ts';
import { releasePorts } from '../host/ports.ts';
import type { ActionRef } from '../rpc.ts';

interface DeleteOutputs {
  'guest.destroy': { readonly destroyed: true };
  'network.unplug': { readonly devices: readonly string[] };
  'network.release': { readonly ports: readonly string[] };
  'disk.remove': { readonly removed: true };
}

export function deleteServerSaga(deps: HostDeps): Saga<ActionRef, DeleteOutputs> {
  const { hypervisor, hostSwitch, metadata, config } = deps;
  return {
    name: 'delete-server',
    steps: [
      {
        name: 'guest.destroy',
        needs: [],
        deadlineMs: 60_000,
        do: async ({ input }) => {
          await hypervisor.destroyServer(input.instance_id);
          return { destroyed: true };
        },
      },
      {
        name: 'network.unplug',
        needs: ['guest.destroy'],
        deadlineMs: 30_000,
        do: async ({ input, evidence }) => {
          const devices = await unplugAll(hostSwitch, input.instance_id);
          metadata.forget(input.instance_id);
          evidence({ devices });
          return { devices };
        },
      },
      {
        name: 'network.release',
        needs: [],
        deadlineMs: 60_000,
        do: async ({ input, evidence }) => {
          const ports = await releasePorts(deps, input.instance_id);
          evidence({ ports });
          return { ports };
        },
      },
      {
        name: 'disk.remove',
        needs: ['guest.destroy'],
        deadlineMs: 60_000,
        do: async ({ input }) => {
          await removeInstanceFiles(config, input.instance_id);
          return { removed: true };
        },
      },
    ],
  };
}

/** @throws what failed: the message is then delivered again. */
export async function deleteServer(deps: HostDeps, message: ActionRef): Promise<void> {
  const loaded = await deps.conductor.call('loadEntry', message);
  if (loaded.kind !== 'go') return;
  const outcome = await runSaga(deleteServerSaga(deps), {
    sagaId: message.action_id,
    attempt: await nextAttempt(deps, message.action_id),
    input: message,
    actor: `compute.${deps.config.host}`,
    log: deps.sagaLog,
    clock: deps.clock,
    signal: deps.signal,
    spanAttributes: { 'pileus.server_id': message.instance_id },
  });
  if (outcome.kind === 'undone') throw outcome.cause;
  await deps.conductor.call('finishDelete', message);
}

/** An attempt that failed is over; the next run is one of its own in the record. */
async function nextAttempt(deps: HostDeps, sagaId: string): Promise<number> {
  const records = await deps.sagaLog.load(sagaId);
  const last = Math.max(1, ...records.map((record) => record.attempt));
  const failed = records.some(
    (record) => record.attempt === last && record.state !== 'done' && record.state !== 'running',
  );
  return failed ? last + 1 : last;
}

export async function unplugAll(hostSwitch: HostDeps['hostSwitch'], instanceId: string): Promise<string[]> {
  const plugged = (await hostSwitch.listPlugged()).filter((port) => port.serverId === instanceId);
  await Promise.all(plugged.map(async (port) => hostSwitch.unplug(port.devname)));
  return plugged.map((port) => port.devname);
}

/** After a launch that was given up: the same removals, without an action of their own. */
export async function cleanUpServer(deps: HostDeps, message: ActionRef): Promise<void> {
  await deps.hypervisor.destroyServer(message.instance_id);
  await unplugAll(deps.hostSwitch, message.instance_id);
  deps.metadata.forget(message.instance_id);
  await releasePorts(deps, message.instance_id);
  await removeInstanceFiles(deps.config, message.instance_id);
}
