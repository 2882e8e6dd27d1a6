// Bringing a server that left its host when it was shelved back on the host that the scheduler chose: a launch from the image
// of its root disk, with the ports and volumes that it has.
import { runSaga } from '#platform/saga/run-saga.ts';
import { causeChain } from '#platform/errors/domain-error.ts';
import type { HostDeps } from '../host/deps.ts';
import { sagaRun } from '../host/saga-run.ts';
import { isRetriable, ImageUnusable } from '../host/errors.ts';
import { injectable } from '../host/run-action.ts';
import { reasonOf } from '../host/run-operation.ts';
import { removeShelvedImage } from '../host/shelved-image.ts';
import type { AgentRpc, InstanceEntry } from '../rpc.ts';
import { changedSystemMetadata, systemMetadataOf } from '../system-metadata.ts';
import { POWER_STATE } from '../tables.ts';
import { relaunchSaga } from './relaunch/steps.ts';
import { NOT_SHELVED } from './shelve-server.ts';

type Message = Parameters<AgentRpc['unshelveServer']>[0];

export function unshelveServerSaga(deps: HostDeps, entry: InstanceEntry) {
  const image_id = systemMetadataOf(entry).shelved_image_id ?? null;
  return relaunchSaga(deps, 'unshelve-server', {
    entry: { ...entry, image_id },
    boundTo: '',
    keepsDisk: false,
    copiesImage: true,
    run: true,
  });
}

export async function unshelveServer(deps: HostDeps, message: Message): Promise<void> {
  const { action_id, instance_id, attempt } = message;
  const ref = { action_id, instance_id };
  const loaded = await deps.conductor.call('loadEntry', ref);
  // A server that is being deleted is unwound too; one that went on to another host is not this one's any more.
  if (loaded.kind === 'stale') return;
  const entry = loaded.kind === 'go' ? loaded.entry : await deps.conductor.call('getEntry', { instance_id });
  if (!entry || entry.host !== deps.config.host) return;
  using work = deps.cancellations.begin(ref);
  const saga = unshelveServerSaga(deps, entry);
  const outcome = await runSaga(
    { ...saga, steps: saga.steps.map((step) => injectable(deps, entry, step)) },
    sagaRun(deps, message, { attempt, cancel: work.signal }),
  );
  if (outcome.kind === 'done') {
    await removeShelvedImage(deps, entry);
    const now = (await deps.conductor.call('getEntry', { instance_id })) ?? entry;
    await deps.conductor.call('finishAction', {
      ...ref,
      vm_state: 'active',
      power_state: POWER_STATE.running,
      changes: {
        ...changedSystemMetadata(now, NOT_SHELVED),
        launched_at: new Date(deps.clock.now()).toISOString(),
        fault_json: null,
      },
    });
    return;
  }
  const { cause, failedStep, undoFailures } = outcome;
  const undone = undoFailures.map((failure) => `${failure.step}: ${causeChain(failure.cause).join('; ')}`);
  await deps.conductor.call('failUnshelve', {
    ...ref,
    attempt,
    user_token: message.user_token,
    requested_host: message.requested_host,
    host: deps.config.host,
    message: `Unshelving failed at ${failedStep}: ${reasonOf(cause)}`,
    details: [...causeChain(cause), ...undone].join('\n'),
    retriable: isRetriable(cause),
    image_lost: cause instanceof ImageUnusable,
  });
}
