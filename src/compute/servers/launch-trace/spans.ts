// Hops of a launch that no saga runs, as spans: those of the request, the scheduler's, and the guest's first sign. Each is
// exported by whoever records it, after the commit. The agent's hops are spans of their own, made by the saga runner.
import { currentContext, parseTraceparent } from '#platform/context/request-context.ts';
import type { StepRecord } from '#platform/saga/saga.ts';
import { recordSpan } from '#platform/trace/trace.ts';
import type { RequestHop } from '../create/evidence.ts';
import type { InstanceActionRow } from '../../tables.ts';

/** The span to hang hops below. */
export interface SpanParent {
  readonly traceId: string;
  readonly spanId: string;
}

/** The request that is being handled began what this is part of: the sender of the message, not its handler. */
export function senderSpan(): SpanParent | undefined {
  const context = currentContext();
  return context && { traceId: context.traceId, spanId: context.parentSpanId ?? context.spanId };
}

/** Hops `authenticate`, `request` and `record`, below the request that stored them. */
export function exportRequestHops(action: InstanceActionRow): void {
  const { hops = [] } = JSON.parse(action.request_json) as { hops?: readonly RequestHop[] };
  const parent = parseTraceparent(action.traceparent);
  if (!parent) return;
  for (const hop of hops)
    recordSpan(
      hop.hop,
      parent,
      { start: Date.parse(hop.started_at), end: Date.parse(hop.ended_at) },
      {
        'pileus.server_id': action.instance_id,
        'pileus.saga_id': action.id,
        'pileus.attempt': 1,
        'pileus.actor': hop.actor,
        'pileus.state': 'done',
      },
    );
}

/** A step that has ended. */
export function exportStep(record: StepRecord, serverId: string, parent: SpanParent | undefined): void {
  if (!parent || record.ended_at === null) return;
  recordSpan(
    record.step,
    parent,
    { start: Date.parse(record.started_at), end: Date.parse(record.ended_at) },
    {
      'pileus.server_id': serverId,
      'pileus.saga_id': record.saga_id,
      'pileus.attempt': record.attempt,
      'pileus.actor': record.actor,
      'pileus.state': record.state,
    },
    record.error ?? undefined,
  );
}
