// `/os-simple-tenant-usage`: hours, CPUs, memory and disk that projects have used in a period.
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { InvalidInput } from '#compute/errors.ts';
import { nextLink, readLimit } from '#compute/paging.ts';
import { PAGING, refuseUnknownQuery } from '#compute/strict-query.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { listUsedServers, serverExists, type UsedServer } from './store.ts';
import { projectUsage, serverUsage, type Period } from './view.ts';

const path = '/v2.1/os-simple-tenant-usage';
const FOUR_WEEKS_MS = 28 * 24 * 3_600_000;

export const usageRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: list, policy: 'os_compute_api:os-simple-tenant-usage:list' },
  { method: 'GET', path: `${path}/:id`, handler: show },
];

async function list(call: Call, deps: ComputeDeps): Promise<unknown> {
  refuseUnknownQuery(call, '2.75', ['start', 'end', 'detailed', ...PAGING]);
  const period = readPeriod(call, deps.clock.now());
  const servers = await pageOf(call, deps, period);
  const detailed = call.query.get('detailed') === '1';
  const byProject = Map.groupBy(servers, (server) => server.project_id);
  const usages = [...byProject].map(([project, own]) =>
    projectUsage(
      project,
      own.map((server) => serverUsage(server, period)),
      period,
      detailed,
    ),
  );
  return { tenant_usages: usages, ...linksOf(call, deps, path, 'tenant_usages', servers) };
}

async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  refuseUnknownQuery(call, '2.75', ['start', 'end', ...PAGING]);
  const projectId = call.params['id'] ?? '';
  call.enforce('os_compute_api:os-simple-tenant-usage:show', { project_id: projectId });
  const period = readPeriod(call, deps.clock.now());
  const servers = await pageOf(call, deps, period, projectId);
  if (servers.length === 0) return { tenant_usage: {} };
  const usage = projectUsage(
    projectId,
    servers.map((server) => serverUsage(server, period)),
    period,
    true,
  );
  return {
    tenant_usage: usage,
    ...linksOf(call, deps, `${path}/${encodeURIComponent(projectId)}`, 'tenant_usage', servers),
  };
}

/** From 2.40 on a page of servers, whose projects' sums the client adds up; before that all of them. */
async function pageOf(
  call: Call,
  { db, config }: ComputeDeps,
  period: Period,
  projectId?: string,
): Promise<UsedServer[]> {
  const own = projectId === undefined ? {} : { projectId };
  if (!atLeast(call.microversion, '2.40')) return listUsedServers(db.kysely, period, own);
  const marker = call.query.get('marker');
  if (marker !== null && !(await serverExists(db.kysely, marker)))
    throw new InvalidInput(`marker [${marker.slice(0, 255)}] not found`, 'marker-not-found');
  return listUsedServers(db.kysely, period, {
    ...own,
    limit: readLimit(call.query, config.maxLimit),
    ...(marker === null ? {} : { marker }),
  });
}

function linksOf(
  call: Call,
  { config }: ComputeDeps,
  at: string,
  name: string,
  servers: readonly UsedServer[],
): Record<string, unknown> {
  if (!atLeast(call.microversion, '2.40')) return {};
  return nextLink(
    call,
    at,
    name,
    servers.map((server) => server.id),
    config.maxLimit,
  );
}

function readPeriod(call: Call, now: number): Period {
  const end = readTime(call.query.get('end')) ?? now;
  const start = readTime(call.query.get('start')) ?? end - FOUR_WEEKS_MS;
  if (end < start)
    throw new InvalidInput('Invalid start time. The start time cannot occur after the end time.');
  return { start: new Date(start).toISOString(), end: new Date(end).toISOString(), now };
}

/** `2026-01-31T10:00:00`, `2026-01-31T10:00:00.000000` or `2026-01-31 10:00:00.000000`; UTC. */
function readTime(text: string | null): number | undefined {
  if (text === null) return undefined;
  const match = /^(\d{4}-\d{2}-\d{2})(?:T(?=[^.]*$)|[T ](?=.*\.))(\d{2}:\d{2}:\d{2})(\.\d{1,6})?$/.exec(text);
  const time = match ? Date.parse(`${match[1]}T${match[2]}${(match[3] ?? '').slice(0, 4)}Z`) : Number.NaN;
  if (Number.isNaN(time)) throw new InvalidInput(`Invalid datetime string: ${text.slice(0, 255)}`);
  return time;
}
