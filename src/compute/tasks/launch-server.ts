// The launch path on the host, hop by hop: what the agent does with `launchServer`. Hops 1 to 6 (authenticate, request,
// record, schedule, select, dispatch) are before it, in the API and the scheduler, in the same record.
import { runSaga } from '#platform/saga/run-saga.ts';
import type { Delivery } from '#platform/bus/bus.ts';
import type { AnyStep, Saga, Step } from '#platform/saga/saga.ts';
import { causeChain } from '#platform/errors/domain-error.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { HostDeps } from '../host/deps.ts';
import { sagaRun } from '../host/saga-run.ts';
import { isRetriable } from '../host/errors.ts';
import { bootsFromVolume } from '../host/guest-spec.ts';
import type { InstanceEntry, LaunchMessage } from '../rpc.ts';
import type { LaunchOutputs, LaunchShape } from './launch/hops.ts';
import { loadImage, locateImage } from './launch/image.ts';
import { allocateNetwork, bindNetwork, northbound, plugNetwork, southbound } from './launch/network.ts';
import { prepare } from './launch/prepare.ts';
import { activate, spawn } from './launch/spawn.ts';
import { attachVolumes, connectVolumesHop, requestVolumes, scheduleVolumes } from './launch/volume.ts';

/** Image, network and volumes run side by side; the guest is made while OVN binds its ports. */
export function launchServerSaga(
  deps: HostDeps,
  shape: LaunchShape = PLAIN,
): Saga<LaunchMessage, LaunchOutputs> {
  const steps: ReadonlyArray<AnyStep<LaunchMessage, LaunchOutputs>> = [
    prepare(deps),
    ...(shape.image ? [locateImage(deps), loadImage(deps)] : []),
    ...(shape.volumes ? [requestVolumes(deps), scheduleVolumes(deps), connectVolumesHop(deps)] : []),
    allocateNetwork(deps),
    plugNetwork(deps),
    northbound(deps),
    southbound(deps),
    bindNetwork(deps),
    spawn(deps, shape),
    ...(shape.volumes ? [attachVolumes(deps)] : []),
    activate(deps, shape),
  ];
  return { name: 'launch-server', steps: steps.map((step) => injectable(deps, step)) };
}

const EVERYTHING: LaunchShape = { image: true, volumes: true };
/** From an image, without volumes. */
const PLAIN: LaunchShape = { image: true, volumes: false };

/** The same at every run of a launch: it follows from what was asked for. */
export function shapeOf(entry: InstanceEntry): LaunchShape {
  return {
    image: !bootsFromVolume(entry) || entry.kernel_id !== null || entry.ramdisk_id !== null,
    volumes: entry.devices.some((device) => device.destination_type === 'volume'),
  };
}

/**
 * Launches, or goes on with a launch that a crash interrupted. Ends with the instance ACTIVE, or all of it undone and the
 * conductor told, who tries another host or reports the reason.
 */
export async function launchServer(
  deps: HostDeps,
  message: LaunchMessage,
  delivery?: Delivery,
): Promise<void> {
  const { instance_id, attempt } = message;
  const prepared = await deps.conductor.call('prepareLaunch', {
    ...message,
    host: deps.config.host,
    ...(delivery ? { delivery: { id: delivery.id, redelivered: delivery.redelivered } } : {}),
  });
  if (prepared.kind === 'stale') return;
  using work = deps.cancellations.begin(message);
  // Of one that is being deleted nothing is known: the hop `prepare` ends it.
  const shape = prepared.kind === 'go' ? shapeOf(prepared.entry) : EVERYTHING;
  const outcome = await runSaga(
    launchServerSaga(deps, shape),
    sagaRun(deps, message, { attempt, cancel: work.signal }),
  );
  if (outcome.kind === 'done') return;
  const { cause, failedStep, undoFailures } = outcome;
  for (const failure of undoFailures)
    deps.log.error(
      { server_id: instance_id, step: failure.step, causes: causeChain(failure.cause) },
      'undo failed, the audit will repeat it',
    );
  await deps.conductor.call('failLaunch', {
    ...message,
    host: deps.config.host,
    failed_step: failedStep,
    code: cause instanceof DomainError ? cause.code : 'internal',
    message: reason(cause),
    details: causeChain(cause).join('\n'),
    retriable: isRetriable(cause),
  });
}

/** What a user reads: a refusal's own words; of a bug only that there is one. */
function reason(cause: unknown): string {
  if (cause instanceof DomainError) return cause.message;
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.message;
  return 'an unexpected error; the request id names it in the logs of the compute service';
}

function injectable(
  deps: HostDeps,
  step: AnyStep<LaunchMessage, LaunchOutputs>,
): AnyStep<LaunchMessage, LaunchOutputs> {
  const plain = step as Step<LaunchMessage, LaunchOutputs>;
  const wrapped: Step<LaunchMessage, LaunchOutputs> = {
    ...plain,
    do: async (context) => {
      const serverName = context.outputs.prepare?.entry.name ?? '';
      await deps.inject.before(step.name, { host: deps.config.host, serverName, signal: context.signal });
      return plain.do(context);
    },
  };
  return wrapped as AnyStep<LaunchMessage, LaunchOutputs>;
}
