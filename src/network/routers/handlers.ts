// Creating, changing, deleting and showing routers.
import type { RouterRow } from '../tables.ts';
import { badRequest, conflict } from '../errors.ts';
import { checkZones } from '../networks/segments.ts';
import { has, pickFlags, pickTexts, readBool, readFlag, readText } from '../rest/attributes.ts';
import type { Operation } from '../rest/crud.ts';
import type { Caller, Input, NetworkDeps, Sql, View } from '../rest/deps.ts';
import { deleteRows, equals, inList, insertRow, newStandard, selectRows, updateRow } from '../rest/select.ts';
import type { Route } from '../subnets/checks.ts';
import { checkExtraRoutes } from './extra-routes.ts';
import { dropGateway, setGateway } from './gateway.ts';
import { interfacePorts } from './store.ts';

/** OVN routers are distributed where they can be and their gateways fail over by themselves; there is nothing to choose. */
function refuseFlavours(input: Input): void {
  for (const flag of ['distributed', 'ha'])
    if (readBool(input, flag, false))
      throw badRequest(
        'BadRequest',
        `Bad router request: '${flag}' cannot be chosen: routing is distributed by OVN for every router.`,
      );
}

export async function createRouter(
  operation: Operation,
  input: Input,
  projectId: string,
): Promise<RouterRow> {
  const { unit, deps } = operation;
  refuseFlavours(input);
  const hints = (input['availability_zone_hints'] as string[] | undefined) ?? [];
  checkZones(deps, hints);
  const row: RouterRow = {
    ...newStandard(input, projectId, unit.now),
    name: readText(input, 'name'),
    admin_state_up: readFlag(input, 'admin_state_up', true),
    gateway_network_id: null,
    gateway_port_id: null,
    enable_snat: 1,
    distributed: 0,
    ha: 0,
    routes: '[]',
    availability_zone_hints: JSON.stringify(hints),
  };
  const info = (input['external_gateway_info'] as Input | null | undefined) ?? null;
  const made = { ...row, ...(await setGateway(operation, row, info, 'create_router')) };
  await insertRow(unit.trx, 'routers', made);
  unit.touch('router', made.id);
  return made;
}

export async function updateRouter(operation: Operation, row: RouterRow, input: Input): Promise<RouterRow> {
  const { unit } = operation;
  refuseFlavours(input);
  const gateway = has(input, 'external_gateway_info')
    ? await setGateway(operation, row, input['external_gateway_info'] as Input | null, 'update_router')
    : {};
  const routes = has(input, 'routes')
    ? {
        routes: JSON.stringify(
          await checkExtraRoutes(unit.trx, row.id, (input['routes'] as Route[] | null) ?? []),
        ),
      }
    : {};
  const next = await updateRow(
    unit.trx,
    'routers',
    row,
    {
      ...pickTexts(input, ['name', 'description']),
      ...pickFlags(input, ['admin_state_up']),
      ...gateway,
      ...routes,
    },
    unit.now,
  );
  unit.touch('router', row.id);
  return next;
}

export async function removeRouter(operation: Operation, row: RouterRow): Promise<void> {
  const { unit } = operation;
  if ((await interfacePorts(unit.trx, row.id)).length > 0)
    throw conflict('RouterInUse', `Router ${row.id} still has ports.`);
  await dropGateway(operation, row);
  await deleteRows(unit.trx, 'routers', [equals('id', row.id)]);
  unit.touch('router', row.id);
}

export async function viewRouters(
  rows: readonly RouterRow[],
  _caller: Caller,
  deps: NetworkDeps,
  db: Sql,
): Promise<View[]> {
  const gateways = rows.flatMap((row) => row.gateway_port_id ?? []);
  const addresses =
    gateways.length === 0
      ? []
      : await selectRows(db, 'ip_allocations', [inList(deps.db.engine, 'port_id', gateways)]);
  const byPort = Map.groupBy(addresses, (row) => row.port_id);
  return rows.map((row) => ({
    name: row.name,
    status: 'ACTIVE',
    admin_state_up: row.admin_state_up === 1,
    external_gateway_info:
      row.gateway_port_id === null
        ? null
        : {
            network_id: row.gateway_network_id,
            enable_snat: row.enable_snat === 1,
            external_fixed_ips: (byPort.get(row.gateway_port_id) ?? [])
              .sort((a, b) => a.position - b.position)
              .map(({ subnet_id, ip_address }) => ({ subnet_id, ip_address })),
          },
    routes: JSON.parse(row.routes) as unknown,
    distributed: row.distributed === 1,
    ha: row.ha === 1,
    availability_zone_hints: JSON.parse(row.availability_zone_hints) as unknown,
    availability_zones: JSON.parse(row.availability_zone_hints) as unknown,
  }));
}
