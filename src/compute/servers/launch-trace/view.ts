// The launch record as the REST endpoint and `pileus trace` show it. Pure.
import type { StepRecord } from '#platform/saga/saga.ts';
import type { Fault, InstanceActionRow, InstanceRow } from '../../tables.ts';
import { hopNamed, hopOrder } from './hops.ts';

export interface TracedHop {
  readonly number: number | null;
  readonly hop: string;
  readonly from: string;
  readonly to: string;
  readonly by: string;
  readonly attempt: number;
  /** done, running, failed, undoing, undone, undo-failed */
  readonly state: string;
  readonly actor: string | null;
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly duration_ms: number | null;
  readonly waiting_for: string | null;
  readonly deadline_at: string | null;
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly error: string | null;
}

export interface LaunchTrace {
  readonly server_id: string;
  readonly server_name: string;
  readonly action_id: string;
  /** `create`, or what else was done to the server: `resize` … */
  readonly action: string;
  readonly request_id: string;
  /** running, done, failed */
  readonly state: string;
  readonly attempts: number;
  readonly host: string | null;
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly duration_ms: number | null;
  readonly deadline_at: string;
  readonly fault: string | null;
  readonly hops: readonly TracedHop[];
}

/** A hop that was over before the saga began; kept with the action. */
export interface RequestHop {
  readonly hop: string;
  readonly started_at: string;
  readonly ended_at: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}

export interface TraceParts {
  readonly instance: InstanceRow;
  readonly action: InstanceActionRow;
  readonly steps: readonly StepRecord[];
  /** Administrators see hosts, queues and the scheduler's whole table; tenants see counts. */
  readonly admin: boolean;
}

export function launchTraceView({ instance, action, steps, admin }: TraceParts): LaunchTrace {
  const request = (JSON.parse(action.request_json) as { hops?: RequestHop[] }).hops ?? [];
  const all = [...request.map(ofRequest), ...steps.map(ofStep)];
  // The launch path has an order of its own, and names who talks to whom; else steps come as they began.
  const hops =
    action.action === 'create'
      ? all.toSorted(inOrder)
      : all.map(unnamed).toSorted((a, b) => a.started_at.localeCompare(b.started_at));
  const fault = instance.fault_json ? (JSON.parse(instance.fault_json) as Fault).message : null;
  return {
    server_id: instance.id,
    server_name: instance.name,
    action_id: action.id,
    action: action.action,
    request_id: action.request_id,
    state: action.state,
    attempts: action.attempt,
    host: admin ? instance.host : null,
    started_at: action.started_at,
    finished_at: action.finished_at,
    duration_ms: action.finished_at ? Date.parse(action.finished_at) - Date.parse(action.started_at) : null,
    deadline_at: action.deadline_at,
    fault: action.state === 'failed' ? fault : null,
    hops: admin ? hops : hops.map(forTenants),
  };
}

function inOrder(a: TracedHop, b: TracedHop): number {
  return a.attempt - b.attempt || hopOrder(a.hop) - hopOrder(b.hop);
}

function named(name: string): Pick<TracedHop, 'number' | 'hop' | 'from' | 'to' | 'by'> {
  const hop = hopNamed(name);
  return {
    number: hop?.number ?? null,
    hop: name,
    from: hop?.from ?? '',
    to: hop?.to ?? '',
    by: hop?.by ?? '',
  };
}

const unnamed = (hop: TracedHop): TracedHop =>
  hop.actor === 'compute-api' || hop.actor === 'scheduler'
    ? hop
    : { ...hop, number: null, from: '', to: '', by: '' };

function ofRequest(hop: RequestHop): TracedHop {
  return {
    ...named(hop.hop),
    attempt: 1,
    state: 'done',
    actor: 'compute-api',
    started_at: hop.started_at,
    ended_at: hop.ended_at,
    duration_ms: Date.parse(hop.ended_at) - Date.parse(hop.started_at),
    waiting_for: null,
    deadline_at: null,
    evidence: hop.evidence,
    error: null,
  };
}

function ofStep(step: StepRecord): TracedHop {
  return {
    ...named(step.step),
    attempt: step.attempt,
    state: step.state,
    actor: step.actor,
    started_at: step.started_at,
    ended_at: step.ended_at,
    duration_ms: step.ended_at ? Date.parse(step.ended_at) - Date.parse(step.started_at) : null,
    waiting_for: step.waiting_for,
    deadline_at: step.ended_at ? null : step.deadline_at,
    evidence: step.evidence,
    error: step.error,
  };
}

/** What names hosts stays with administrators: a tenant learns how many and why, not which. */
function forTenants(hop: TracedHop): TracedHop {
  const evidence = hop.hop === 'select' ? countsOnly(hop.evidence) : without(hop.evidence, HOST_FACTS);
  return {
    ...hop,
    actor: null,
    evidence,
    error: hop.error === null ? null : withoutHost(hop.error, hop.actor),
  };
}

const HOST_FACTS = new Set([
  'host',
  'queue',
  'location',
  'root_disk',
  'chassis',
  'interfaces',
  'bindings',
  'logical_flows', // of a shared network they grow with the ports of others
  'openflow_rules',
  'domain',
  'message_id',
  'connections',
  'placements',
  'from',
  'to',
]);

function without(evidence: TracedHop['evidence'], keys: ReadonlySet<string>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(evidence).filter(([key]) => !keys.has(key)));
}

/** Of a table by host, how many: arrays and maps become their sizes, numbers stay. */
function countsOnly(evidence: TracedHop['evidence']): Record<string, unknown> {
  const filters = evidence['filters'];
  const counted = Array.isArray(filters)
    ? filters.map((filter: Record<string, unknown>) =>
        Object.fromEntries(Object.entries(filter).map(([key, value]) => [key, sizeOf(value)])),
      )
    : undefined;
  const plain = Object.entries(evidence).filter(([, value]) => typeof value === 'number');
  return { ...Object.fromEntries(plain), ...(counted ? { filters: counted } : {}) };
}

function sizeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : value;
}

function withoutHost(text: string, actor: string | null): string {
  const host = actor?.startsWith('compute.') ? actor.slice('compute.'.length) : undefined;
  return host ? text.replaceAll(host, 'the host') : text;
}
