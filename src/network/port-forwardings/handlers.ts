// Forwarding single ports of a floating IP: list, show, create, update, remove. Each finds the floating IP first, whose
// project has the right.
import { Reply, type Call } from '#platform/http/api.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { FloatingIpRow, PortForwardingRow } from '../tables.ts';
import { badRequest, conflict, notFound } from '../errors.ts';
import { findInner } from '../floatingips/associate.ts';
import { floatingips } from '../floatingips/routes.ts';
import { has, readInt, readText } from '../rest/attributes.ts';
import { northboundHeaders, type Operation } from '../rest/crud.ts';
import type { Input, NetworkDeps, Sql, View } from '../rest/deps.ts';
import { answerViews, pickFields } from '../rest/listing.ts';
import { parseQuery } from '../rest/query.ts';
import { equals, insertRow, newStandard, selectRows, updateRow } from '../rest/select.ts';
import { forwardingsOf, giveRouter, removeForwarding } from './store.ts';

const NAME = 'port_forwarding';
const ATTRIBUTES = new Set(['id', 'protocol', 'external_port', 'internal_port_id']);

export function view(row: PortForwardingRow): View {
  return {
    id: row.id,
    protocol: row.protocol,
    external_port: row.external_port,
    internal_port_id: row.internal_port_id,
    internal_ip_address: row.internal_ip_address,
    internal_port: row.internal_port,
    description: row.description,
  };
}

export async function listAll(call: Call, deps: NetworkDeps): Promise<View> {
  const query = parseQuery(call.query, ATTRIBUTES);
  const fip = await floatingips.get(call, deps, deps.db.kysely, call.params['id'] ?? '');
  call.enforce('get_floatingip_port_forwarding', { project_id: fip.project_id });
  const rows = await forwardingsOf(deps.db.kysely, fip.id);
  const views = rows
    .map(view)
    .filter((each) => [...query.filters].every(([name, values]) => values.includes(String(each[name]))));
  return answerViews(call, 'port_forwardings', query, views, deps);
}

export async function show(call: Call, deps: NetworkDeps): Promise<View> {
  const fip = await floatingips.get(call, deps, deps.db.kysely, call.params['id'] ?? '');
  const row = await findForwarding(call, deps.db.kysely, fip);
  call.enforce('get_floatingip_port_forwarding', { project_id: fip.project_id });
  return { [NAME]: pickFields(view(row), call.query.getAll('fields')) };
}

/** @throws NetworkError 404 */
async function findForwarding(call: Call, db: Sql, fip: FloatingIpRow): Promise<PortForwardingRow> {
  const id = call.params['forwarding_id'] ?? '';
  const rows = id.includes('\0')
    ? []
    : await selectRows(db, 'port_forwardings', [equals('id', id), equals('floatingip_id', fip.id)]);
  if (!rows[0]) throw notFound(NAME, id.slice(0, 64));
  return rows[0];
}

export async function create(call: Call, deps: NetworkDeps): Promise<Reply> {
  const input = inputOf(call);
  const done = await floatingips.change(call, deps, async (operation, fip) => {
    call.enforce('create_floatingip_port_forwarding', { project_id: fip.project_id });
    const { unit } = operation;
    if (fip.port_id !== null)
      throw conflict(
        'FloatingIPPortAlreadyAssociated',
        `Cannot forward ports of floating IP ${fip.floating_ip_address} (${fip.id}): all of it leads to port ${fip.port_id}.`,
      );
    const inner = await reach(operation, fip, readText(input, 'internal_port_id'), input);
    const row: PortForwardingRow = {
      ...newStandard(input, fip.project_id, unit.now),
      floatingip_id: fip.id,
      protocol: protocolOf(input) ?? 'tcp',
      external_port: readInt(input, 'external_port') ?? 0,
      internal_port: readInt(input, 'internal_port') ?? 0,
      ...inner,
    };
    await unique(() => insertRow(unit.trx, 'port_forwardings', row));
    return row;
  });
  return new Reply(201, { [NAME]: view(done.result) }, northboundHeaders(done));
}

export async function update(call: Call, deps: NetworkDeps): Promise<Reply> {
  const input = inputOf(call);
  const done = await floatingips.change(call, deps, async (operation, fip) => {
    const { unit } = operation;
    const row = await findForwarding(call, unit.trx, fip);
    call.enforce('update_floatingip_port_forwarding', { project_id: fip.project_id });
    const moved = has(input, 'internal_port_id') || has(input, 'internal_ip_address');
    const portId = readText(input, 'internal_port_id', row.internal_port_id);
    const address = readText(input, 'internal_ip_address', row.internal_ip_address);
    const changes: Partial<PortForwardingRow> = {
      ...(has(input, 'description') ? { description: readText(input, 'description') } : {}),
      ...(has(input, 'protocol') ? { protocol: protocolOf(input) ?? row.protocol } : {}),
      external_port: readInt(input, 'external_port') ?? row.external_port,
      internal_port: readInt(input, 'internal_port') ?? row.internal_port,
      ...(moved ? await reach(operation, fip, portId, { internal_ip_address: address }) : {}),
    };
    unit.touch('floatingip', fip.id);
    return unique(() => updateRow(unit.trx, 'port_forwardings', row, changes, unit.now));
  });
  return new Reply(200, { [NAME]: view(done.result) }, northboundHeaders(done));
}

export async function remove(call: Call, deps: NetworkDeps): Promise<Reply> {
  const done = await floatingips.change(call, deps, async ({ unit }, fip) => {
    const row = await findForwarding(call, unit.trx, fip);
    call.enforce('delete_floatingip_port_forwarding', { project_id: fip.project_id });
    await removeForwarding(unit, row);
  });
  return new Reply(204, undefined, northboundHeaders(done));
}

function inputOf(call: Call): Input {
  return (call.body as Readonly<Record<string, Input>>)[NAME] ?? {};
}

function protocolOf(input: Input): PortForwardingRow['protocol'] | undefined {
  const text = readText(input, 'protocol').toLowerCase();
  return text === 'tcp' || text === 'udp' || text === 'sctp' ? text : undefined;
}

/**
 * The inner port and address, reached by the floating IP's router; a floating IP that forwards nothing yet gets it.
 * @throws NetworkError 400, 404 or 409 when the port cannot be led to
 */
async function reach(
  operation: Operation,
  fip: FloatingIpRow,
  portId: string,
  input: Input,
): Promise<Pick<PortForwardingRow, 'internal_port_id' | 'internal_ip_address'>> {
  const { unit } = operation;
  const { port, ip, router } = await findInner(
    operation,
    fip,
    portId,
    readText(input, 'internal_ip_address'),
  );
  const [bound] = await selectRows(unit.trx, 'floatingips', [equals('port_id', port.id)]);
  if (bound)
    throw conflict(
      'PortHasBindingFloatingIP',
      `Cannot create port forwarding to floating IP ${bound.floating_ip_address} (${bound.id}) with port ${port.id} using fixed IP ${ip}, as that port already has a binding floating IP.`,
    );
  if (router === undefined)
    throw badRequest(
      'BadRequest',
      `Bad ${NAME} request: External network ${fip.floating_network_id} is not reachable from port ${port.id}.`,
    );
  if (fip.router_id !== null && fip.router_id !== router)
    throw badRequest(
      'BadRequest',
      `Bad ${NAME} request: The Floating IP ${fip.id} had been set on router ${fip.router_id}, the internal port ${port.id} can not reach it.`,
    );
  if (fip.router_id === null) await giveRouter(unit.trx, fip.id, router);
  unit.touch('floatingip', fip.id);
  return { internal_port_id: port.id, internal_ip_address: ip };
}

async function unique<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (isUniqueViolation(error))
      throw badRequest(
        'BadRequest',
        `Bad ${NAME} request: A duplicate port forwarding entry with same attributes already exists.`,
      );
    throw error;
  }
}
