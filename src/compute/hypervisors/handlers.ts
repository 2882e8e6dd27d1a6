// Lists, shows and sums up hypervisors.
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput, NotFound, NotOffered } from '#compute/errors.ts';
import { nextLink, readLimit } from '#compute/paging.ts';
import { isTrue, UUID_PATTERN } from '#compute/schema-types.ts';
import { refuseUnknownQuery } from '#compute/strict-query.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { listHypervisors, type Hypervisor } from './store.ts';
import { briefHypervisor, hypervisorView, statisticsView, uptimeOf, type ViewContext } from './view.ts';

function contextOf(call: Call, { clock }: ComputeDeps, withServers = readWithServers(call)): ViewContext {
  return {
    version: call.microversion,
    now: clock.now(),
    withServers: withServers && atLeast(call.microversion, '2.53'),
  };
}

function readWithServers(call: Call): boolean {
  const text = call.query.get('with_servers');
  if (text === null || !atLeast(call.microversion, '2.53')) return false;
  if (!/^(t|true|1|on|y|yes|f|false|0|off|n|no)$/i.test(text))
    throw new InvalidInput(
      `Invalid input for query parameters with_servers. Value: ${text.slice(0, 255)}. It is no boolean.`,
    );
  return isTrue(text);
}

const LIST_QUERY = ['limit', 'marker', 'hypervisor_hostname_pattern', 'with_servers'];

async function pageOf(call: Call, { db, config }: ComputeDeps): Promise<Hypervisor[]> {
  refuseUnknownQuery(call, '2.53', LIST_QUERY);
  let all = await listHypervisors(db.kysely);
  const pattern = atLeast(call.microversion, '2.53') ? call.query.get('hypervisor_hostname_pattern') : null;
  if (pattern !== null) {
    if (pattern === '') throw new InvalidInput('The hypervisor_hostname_pattern must not be empty.');
    if (call.query.has('limit') || call.query.has('marker'))
      throw new InvalidInput(
        'Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported.',
      );
    all = matching(all, pattern);
  }
  if (!atLeast(call.microversion, '2.33')) return all;
  const marker = call.query.get('marker');
  const start = marker === null ? 0 : all.findIndex((each) => idOf(call, each) === marker) + 1;
  if (marker !== null && start === 0)
    throw new InvalidInput(`marker [${marker.slice(0, 255)}] not found`, 'marker-not-found');
  return all.slice(start, start + readLimit(call.query, config.maxLimit));
}

const idOf = (call: Call, { node, number }: Hypervisor): string =>
  atLeast(call.microversion, '2.53') ? node.id : String(number);

/** @throws NotFound when none fits */
function matching(all: readonly Hypervisor[], pattern: string): Hypervisor[] {
  const found = all.filter((each) => each.node.hypervisor_hostname.includes(pattern));
  if (found.length === 0)
    throw new NotFound(
      `No hypervisor matching '${pattern.slice(0, 255)}' could be found.`,
      'no-such-hypervisor',
    );
  return found;
}

function linksFor(
  call: Call,
  { config }: ComputeDeps,
  path: string,
  page: readonly Hypervisor[],
): Record<string, unknown> {
  if (!atLeast(call.microversion, '2.33') || call.query.has('hypervisor_hostname_pattern')) return {};
  return nextLink(
    call,
    path,
    'hypervisors',
    page.map((each) => idOf(call, each)),
    config.maxLimit,
  );
}

export async function listBrief(call: Call, deps: ComputeDeps): Promise<unknown> {
  const page = await pageOf(call, deps);
  const context = contextOf(call, deps);
  return {
    hypervisors: page.map((each) => briefHypervisor(each, context)),
    ...linksFor(call, deps, '/v2.1/os-hypervisors', page),
  };
}

export async function listDetail(call: Call, deps: ComputeDeps): Promise<unknown> {
  const page = await pageOf(call, deps);
  const context = contextOf(call, deps);
  return {
    hypervisors: page.map((each) => hypervisorView(each, context)),
    ...linksFor(call, deps, '/v2.1/os-hypervisors/detail', page),
  };
}

export async function statistics(_call: Call, { db }: ComputeDeps): Promise<unknown> {
  return { hypervisor_statistics: statisticsView(await listHypervisors(db.kysely)) };
}

async function getHypervisor(call: Call, { db }: ComputeDeps): Promise<Hypervisor> {
  const id = call.params['id'] ?? '';
  if (atLeast(call.microversion, '2.53') && !new RegExp(UUID_PATTERN).test(id))
    throw new InvalidInput(`Invalid uuid ${id.slice(0, 255)}`);
  const found = (await listHypervisors(db.kysely)).find((each) => idOf(call, each) === id);
  if (!found)
    throw new NotFound(`Hypervisor with ID '${id.slice(0, 255)}' could not be found.`, 'no-such-hypervisor');
  return found;
}

export async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  refuseUnknownQuery(call, '2.53', ['with_servers']);
  return { hypervisor: hypervisorView(await getHypervisor(call, deps), contextOf(call, deps)) };
}

export async function uptime(call: Call, deps: ComputeDeps): Promise<unknown> {
  const hypervisor = await getHypervisor(call, deps);
  const text = uptimeOf(hypervisor, deps.clock.now());
  if (text === null) throw new NotOffered('Virt driver does not implement uptime function.');
  const brief = briefHypervisor(hypervisor, contextOf(call, deps, false));
  return { hypervisor: { ...brief, uptime: text } };
}

export async function search(call: Call, deps: ComputeDeps): Promise<unknown> {
  const found = matching(await listHypervisors(deps.db.kysely), call.params['id'] ?? '');
  const context = contextOf(call, deps, false);
  return { hypervisors: found.map((each) => briefHypervisor(each, context)) };
}

export async function servers(call: Call, deps: ComputeDeps): Promise<unknown> {
  const found = matching(await listHypervisors(deps.db.kysely), call.params['id'] ?? '');
  const context: ViewContext = { ...contextOf(call, deps), withServers: true };
  return { hypervisors: found.map((each) => briefHypervisor(each, context)) };
}
