// `/os-instance_usage_audit_log`: which hosts have told of the use of their servers in a month. None does here: usage is
// counted from the servers themselves (`/os-simple-tenant-usage`), and this says so in the form that clients know.
import { InvalidInput } from '#compute/errors.ts';
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { listServices } from '#compute/services/store.ts';
import type { Call } from '#platform/http/api.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const rule = (name: string): string => `os_compute_api:os-instance-usage-audit-log:${name}`;

export const usageAuditPolicies: readonly PolicyRule[] = ['list', 'show'].map((name) => ({
  name: rule(name),
  check: 'rule:context_is_admin',
  description: 'See which hosts have told of the use of their servers.',
  scopes: ['project'],
}));

/** The whole month before `now`, as upstream is set without options. */
function lastPeriod(now: Date): { readonly begins: Date; readonly ends: Date } {
  const first = (months: number): Date =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1));
  return { begins: first(-1), ends: first(0) };
}

const shown = (time: Date): string => time.toISOString().slice(0, 19).replace('T', ' ');

async function logBefore({ db }: ComputeDeps, now: Date): Promise<unknown> {
  const hosts = (await listServices(db.kysely))
    .filter(({ binary }) => binary === 'nova-compute')
    .map(({ host }) => host);
  const { begins, ends } = lastPeriod(now);
  return {
    period_beginning: shown(begins),
    period_ending: shown(ends),
    num_hosts: hosts.length,
    num_hosts_done: 0,
    num_hosts_running: 0,
    num_hosts_not_run: hosts.length,
    hosts_not_run: hosts,
    total_instances: 0,
    total_errors: 0,
    overall_status: `0 of ${hosts.length} hosts done. 0 errors.`,
    log: {},
  };
}

async function list(_call: Call, deps: ComputeDeps): Promise<unknown> {
  return { instance_usage_audit_logs: await logBefore(deps, new Date(deps.clock.now())) };
}

/** `2026-11-23 03:04:05`, UTC, with or without a fraction. */
const TIME = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(\.\d{1,6})?$/;

async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  const text = call.params['id'] ?? '';
  const [, day, time] = TIME.exec(text) ?? [];
  const before = new Date(`${day}T${time}Z`);
  if (Number.isNaN(before.getTime()))
    throw new InvalidInput(`Invalid timestamp for date ${text.slice(0, 255)}`);
  return { instance_usage_audit_log: await logBefore(deps, before) };
}

const path = '/v2.1/os-instance_usage_audit_log';

export const usageAuditRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: list, policy: rule('list') },
  { method: 'GET', path: `${path}/:id`, handler: show, policy: rule('show') },
];
