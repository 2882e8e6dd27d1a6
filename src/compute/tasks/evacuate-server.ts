// Making a server of a host that is down anew on this one: its root disk from the image, unless it is a volume or in storage that
// all hosts share. And what a host does when it is back: what was evacuated from it goes.
import { runSaga } from '#platform/saga/run-saga.ts';
import { causeChain, DomainError } from '#platform/errors/domain-error.ts';
import type { HostDeps } from '../host/deps.ts';
import { sagaRun } from '../host/saga-run.ts';
import { isRetriable } from '../host/errors.ts';
import { bootsFromVolume } from '../host/guest-spec.ts';
import { removeFromHost } from '../host/moves/remove-from-host.ts';
import { injectable } from '../host/run-action.ts';
import { reasonOf, triesOf } from '../host/run-operation.ts';
import type { EvacuateMessage, InstanceEntry } from '../rpc.ts';
import { POWER_STATE } from '../tables.ts';
import { relaunchSaga } from './relaunch/steps.ts';

export function evacuateServerSaga(deps: HostDeps, entry: InstanceEntry, message: EvacuateMessage) {
  const run = entry.vm_state !== 'stopped'; // it keeps its state until the action ends
  const { action_id, instance_id, migration_uuid, destination } = message;
  return relaunchSaga(deps, 'evacuate-server', {
    entry: { ...entry, host: deps.config.host, availability_zone: destination.zone },
    boundTo: entry.host ?? '',
    keepsDisk: deps.rootDisks.shared && !bootsFromVolume(entry),
    run,
    finish: async () => {
      const { cancelled } = await deps.conductor.call('finishEvacuation', {
        action_id,
        instance_id,
        migration_uuid,
        vm_state: run ? 'active' : 'stopped',
        power_state: run ? POWER_STATE.running : POWER_STATE.shutdown,
      });
      if (cancelled) throw new DomainError('gone', 'evacuation-not-wanted', 'The server is being deleted.');
    },
  });
}

export async function evacuateServer(deps: HostDeps, message: EvacuateMessage): Promise<void> {
  const { action_id, instance_id, migration_uuid, attempt, user_token, tried } = message;
  const ref = { action_id, instance_id };
  const loaded = await deps.conductor.call('loadEntry', { ...ref, attempt });
  if (loaded.kind === 'stale') return;
  const entry = loaded.kind === 'go' ? loaded.entry : await deps.conductor.call('getEntry', { instance_id });
  if (!entry) return;
  using work = deps.cancellations.begin(ref);
  const saga = evacuateServerSaga(deps, entry, message);
  const outcome = await runSaga(
    { ...saga, steps: saga.steps.map((step) => injectable(deps, entry, step)) },
    sagaRun(deps, message, { attempt, cancel: work.signal }),
  );
  if (outcome.kind === 'done') return;
  const { cause, failedStep, undoFailures } = outcome;
  const args = { ...ref, attempt: attempt + 1, user_token, migration_uuid };
  const next = { on: null, method: 'evacuateServer' } as const;
  const undone = undoFailures.map((failure) => `${failure.step}: ${causeChain(failure.cause).join('; ')}`);
  await deps.conductor.call('failMove', {
    ...ref,
    migration_uuid,
    message: `Evacuation failed at ${failedStep}${triesOf(attempt)}: ${reasonOf(cause)}`,
    details: [...causeChain(cause), ...undone].join('\n'),
    lost: false,
    left_behind: undoFailures.length > 0 ? deps.config.host : null,
    ...(isRetriable(cause) ? { retry: { tried, next: { ...next, args } } } : {}),
  });
}

/**
 * Removes the guests and files of servers that were evacuated from this host while it was down, and has the conductor free what
 * they held here. Disks in shared storage are the servers' still. May be repeated.
 */
export async function dropEvacuated(deps: HostDeps): Promise<string[]> {
  const { config, conductor } = deps;
  const evacuated = await conductor.call('listEvacuated', { host: config.host });
  for (const { instance_id, migration_uuid } of evacuated)
    await deps.instanceLocks.run(instance_id, async () => {
      // It may have come back since, by another way.
      const entry = await conductor.call('getEntry', { instance_id });
      if (entry?.host !== config.host) {
        await removeFromHost(deps, instance_id);
      }
      await conductor.call('finishEvacuated', { migration_uuid });
    });
  return evacuated.map(({ instance_id }) => instance_id);
}
