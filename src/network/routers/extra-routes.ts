// Static routes of a router: valid only when their next hop lies in a connected subnet.
import { Reply, type Call } from '#platform/http/api.ts';
import type { RouterRow } from '../tables.ts';
import { badRequest } from '../errors.ts';
import { contains, parseCidr, parseIp } from '../ipam/address.ts';
import type { NetworkDeps, Sql } from '../rest/deps.ts';
import { northboundHeaders, type Crud } from '../rest/crud.ts';
import { updateRow } from '../rest/select.ts';
import { checkRoutes, type Route } from '../subnets/checks.ts';
import { connectionsOf } from './store.ts';

const MAX_ROUTES = 30; // upstream's default

/** Canonical routes. @throws NetworkError 400 */
export async function checkExtraRoutes(
  db: Sql,
  routerId: string,
  routes: readonly Route[],
): Promise<Route[]> {
  const checked = checkRoutes(undefined, routes, MAX_ROUTES);
  if (checked.length === 0) return checked;
  const connections = await connectionsOf(db, routerId);
  for (const route of checked) {
    const ip = parseIp(route.nexthop);
    const reachable = connections.some(({ subnet }) => {
      const cidr = parseCidr(subnet.cidr);
      return ip && cidr && cidr.version === ip.version && contains(cidr, ip.value);
    });
    if (!reachable) throw invalidRoutes(routes, 'the nexthop is not connected with router');
    if (connections.some(({ ipAddress }) => ipAddress === route.nexthop))
      throw invalidRoutes(routes, 'the nexthop is used by router');
  }
  return checked;
}

function invalidRoutes(routes: readonly Route[], reason: string): Error {
  return badRequest(
    'InvalidRoutes',
    `Invalid format for routes: ${JSON.stringify(routes).slice(0, 300)}, ${reason}.`,
  );
}

const same = (a: Route, b: Route): boolean => a.destination === b.destination && a.nexthop === b.nexthop;

/** add_extraroutes and remove_extraroutes: only what is not (still) there changes. */
export function changeExtraRoutes(routers: Crud<'routers'>, verb: 'add' | 'remove') {
  return async (call: Call, deps: NetworkDeps): Promise<Reply> => {
    const named = (call.body as { router: { routes: Route[] } }).router.routes;
    const done = await routers.change(call, deps, async ({ unit }, row): Promise<RouterRow> => {
      call.enforce(`${verb}_extraroutes`, { project_id: row.project_id });
      const before = JSON.parse(row.routes) as Route[];
      const wanted = checkRoutes(undefined, named, MAX_ROUTES);
      const after =
        verb === 'add'
          ? await checkExtraRoutes(unit.trx, row.id, [
              ...before,
              ...wanted.filter((route) => !before.some((old) => same(old, route))),
            ])
          : before.filter((old) => !wanted.some((route) => same(old, route)));
      unit.touch('router', row.id);
      return updateRow(unit.trx, 'routers', row, { routes: JSON.stringify(after) }, unit.now);
    });
    const [view] = await routers.views([done.result], call, deps, deps.db.kysely);
    return new Reply(200, { router: view }, northboundHeaders(done));
  };
}
