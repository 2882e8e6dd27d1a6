// Actions and their events as the API shows them: the events are the hops of the launch record. Pure.
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { StepRecord, StepState } from '#platform/saga/saga.ts';
import type { InstanceActionRow, InstanceRow } from '#compute/tables.ts';
import { hopOrder } from '../launch-trace/hops.ts';
import type { RequestHop } from '../create/evidence.ts';
import { hostIdOf, microseconds } from '../view.ts';

type Json = Record<string, unknown>;

export function actionView(call: Call, action: InstanceActionRow): Json {
  return {
    action: action.action,
    instance_uuid: action.instance_id,
    request_id: action.request_id,
    user_id: action.user_id,
    project_id: action.project_id,
    start_time: microseconds(action.started_at),
    message: action.message,
    ...(atLeast(call.microversion, '2.58')
      ? { updated_at: microseconds(action.finished_at ?? action.started_at) }
      : {}),
  };
}

export interface EventRights {
  /** Tracebacks and host names. */
  readonly all: boolean;
  readonly details: boolean;
}

/** The request's own hops first, then the saga's steps. */
export function eventViews(
  call: Call,
  server: InstanceRow,
  action: InstanceActionRow,
  steps: readonly StepRecord[],
  rights: EventRights,
): Json[] {
  const { hops = [] } = JSON.parse(action.request_json) as { hops?: readonly RequestHop[] };
  const shape = (event: Event): Json => eventView(call, server, event, rights);
  const before = hops.map((hop) =>
    shape({
      name: hop.hop,
      start: hop.started_at,
      end: hop.ended_at,
      result: 'Success',
      error: null,
      host: null,
    }),
  );
  const after = steps
    .toSorted((a, b) => a.attempt - b.attempt || inOrder(action, a, b))
    .map((step) =>
      shape({
        name: step.step,
        start: step.started_at,
        end: step.ended_at,
        result: RESULT[step.state],
        error: step.error,
        host: step.actor.startsWith('compute.') ? step.actor.slice('compute.'.length) : null,
      }),
    );
  return [...before, ...after];
}

/** The launch path has an order of its own; steps of what else is done to a server come as they began. */
const inOrder = (action: InstanceActionRow, a: StepRecord, b: StepRecord): number =>
  action.action === 'create' ? hopOrder(a.step) - hopOrder(b.step) : a.started_at.localeCompare(b.started_at);

interface Event {
  readonly name: string;
  readonly start: string;
  readonly end: string | null;
  readonly result: 'Success' | 'Error' | null;
  readonly error: string | null;
  readonly host: string | null;
}

/** A step that was undone did not succeed in the end, whatever it did before. */
const RESULT: Readonly<Record<StepState, Event['result']>> = {
  running: null,
  done: 'Success',
  failed: 'Error',
  undoing: null,
  undone: 'Error',
  'undo-failed': 'Error',
};

/** Before 2.51 the key is always there; what it says is for administrators. */
function tracebackOf(call: Call, event: Event, rights: EventRights): Json {
  if (rights.all) return { traceback: event.error };
  return atLeast(call.microversion, '2.51') ? {} : { traceback: null };
}

function eventView(call: Call, server: InstanceRow, event: Event, rights: EventRights): Json {
  const finished = event.result !== null;
  return {
    event: event.name,
    start_time: microseconds(event.start),
    finish_time: finished ? microseconds(event.end ?? event.start) : null,
    result: event.result,
    ...tracebackOf(call, event, rights),
    ...(atLeast(call.microversion, '2.62')
      ? { ...(rights.all ? { host: event.host } : {}), hostId: hostIdOf(server.project_id, event.host) }
      : {}),
    ...(atLeast(call.microversion, '2.84') && rights.details ? { details: event.error } : {}),
  };
}
