// Bindings of a port: list, show, create, update, remove, activate. Each finds the port first, which must be a server's.
import { Reply, type Call } from '#platform/http/api.ts';
import type { PortBindingRow, PortRow } from '../tables.ts';
import { badRequest, conflict, invalidInput, NetworkError } from '../errors.ts';
import { readVnicType } from '../ports/attributes.ts';
import { ports } from '../ports/routes.ts';
import { viewVif } from '../ports/view.ts';
import { has, readText } from '../rest/attributes.ts';
import { northboundHeaders, type Operation } from '../rest/crud.ts';
import type { Input, NetworkDeps, Sql, View } from '../rest/deps.ts';
import { answerViews, pickFields } from '../rest/listing.ts';
import { parseQuery } from '../rest/query.ts';
import { updateRow } from '../rest/select.ts';
import {
  inactiveBindingsOf,
  pruneInactiveBindings,
  putInactiveBinding,
  removeInactiveBinding,
} from './store.ts';

const ATTRIBUTES = new Set(['host', 'vif_type', 'vnic_type', 'status']);
const MAX_PROFILE = 4095; // upstream's column

/** Both kinds in one form. */
interface Binding {
  readonly host: string;
  readonly vnic_type: string;
  readonly profile: string;
  readonly active: boolean;
  readonly bound: boolean;
}

function activeOf(port: PortRow): Binding {
  return {
    host: port.binding_host_id,
    vnic_type: port.binding_vnic_type,
    profile: port.binding_profile,
    active: true,
    bound: port.binding_host_id !== '',
  };
}

function inactiveOf(row: PortBindingRow): Binding {
  const { host, vnic_type, profile, prepared } = row;
  return { host, vnic_type, profile, active: false, bound: prepared === 1 };
}

function view({ host, vnic_type, profile, active, bound }: Binding): View {
  return {
    host,
    ...viewVif(bound),
    vnic_type,
    status: active ? 'ACTIVE' : 'INACTIVE',
    profile: JSON.parse(profile) as unknown,
  };
}

export async function listAll(call: Call, deps: NetworkDeps): Promise<View> {
  const query = parseQuery(call.query, ATTRIBUTES);
  const db = deps.db.kysely;
  const port = await ports.get(call, deps, db, call.params['id'] ?? '');
  checkComputePort(port);
  const views = (await bindingsOf(db, port))
    .map(view)
    .filter((each) => [...query.filters].every(([name, values]) => values.includes(String(each[name]))));
  return answerViews(call, 'bindings', query, views, deps, 'host');
}

export async function show(call: Call, deps: NetworkDeps): Promise<View> {
  const db = deps.db.kysely;
  const port = await ports.get(call, deps, db, call.params['id'] ?? '');
  const binding = await findBinding(db, port, hostOf(call));
  return { binding: pickFields(view(binding), call.query.getAll('fields')) };
}

async function bindingsOf(db: Sql, port: PortRow): Promise<Binding[]> {
  return [activeOf(port), ...(await inactiveBindingsOf(db, port.id)).map(inactiveOf)];
}

/** @throws NetworkError 404, or 400 for the port of no server */
async function findBinding(db: Sql, port: PortRow, host: string): Promise<Binding> {
  checkComputePort(port);
  const found = (await bindingsOf(db, port)).find((each) => each.host === host && host !== '');
  if (found) return found;
  throw new NetworkError(
    'not-found',
    'PortBindingNotFound',
    `Binding for port ${port.id} for host ${host.slice(0, 255)} could not be found.`,
  );
}

function hostOf(call: Call): string {
  return call.params['host'] ?? '';
}

function checkComputePort(port: PortRow): void {
  if (!port.device_owner.startsWith('compute:'))
    throw badRequest(
      'BadRequest',
      `Bad port request: ${port.id} is no server's port, and only those have bindings.`,
    );
}

/** The binding is prepared: the port goes on working where it is, and the new host may plug it already. */
export async function create(call: Call, deps: NetworkDeps): Promise<Reply> {
  const input = inputOf(call);
  const host = readText(input, 'host');
  checkHost(deps, call.params['id'] ?? '', host);
  const done = await ports.change(call, deps, async ({ unit }, port) => {
    checkComputePort(port);
    await checkFree(unit.trx, port, host);
    const row: PortBindingRow = {
      port_id: port.id,
      host,
      vnic_type: readVnicType(input, 'vnic_type'),
      profile: readProfile(input) ?? '{}',
      prepared: 1,
    };
    await putInactiveBinding(unit.trx, row);
    unit.touch('port', port.id);
    return inactiveOf(row);
  });
  return new Reply(201, { binding: view(done.result) }, northboundHeaders(done));
}

export async function update(call: Call, deps: NetworkDeps): Promise<Reply> {
  const input = inputOf(call);
  const done = await ports.change(call, deps, async (operation, port) => {
    const { unit } = operation;
    const before = await findBinding(unit.trx, port, hostOf(call));
    const host = readText(input, 'host', before.host);
    if (host !== before.host) {
      checkHost(deps, port.id, host);
      await checkFree(unit.trx, port, host);
    }
    const next = {
      ...before,
      host,
      vnic_type: has(input, 'vnic_type') ? readVnicType(input, 'vnic_type') : before.vnic_type,
      profile: readProfile(input) ?? before.profile,
    };
    if (before.active) await setActive(operation, port, next);
    else {
      await removeInactiveBinding(unit.trx, port.id, before.host);
      const { vnic_type, profile } = next;
      await putInactiveBinding(unit.trx, { port_id: port.id, host, vnic_type, profile, prepared: 1 });
      unit.touch('port', port.id);
    }
    return { ...next, bound: true };
  });
  return new Reply(200, { binding: view(done.result) }, northboundHeaders(done));
}

/** Without its active binding a port is bound nowhere. */
export async function remove(call: Call, deps: NetworkDeps): Promise<Reply> {
  const done = await ports.change(call, deps, async (operation, port) => {
    const { unit } = operation;
    const binding = await findBinding(unit.trx, port, hostOf(call));
    if (binding.active)
      await setActive(operation, port, { host: '', vnic_type: binding.vnic_type, profile: '{}' });
    else await removeInactiveBinding(unit.trx, port.id, binding.host);
    unit.touch('port', port.id);
  });
  return new Reply(204, undefined, northboundHeaders(done));
}

/** The port is now the other host's. What was active stays, inactive, until it is removed: nothing is plugged by it. */
export async function activate(call: Call, deps: NetworkDeps): Promise<Reply> {
  const done = await ports.change(call, deps, async (operation, port) => {
    const { unit } = operation;
    const binding = await findBinding(unit.trx, port, hostOf(call));
    if (binding.active)
      throw conflict(
        'PortBindingAlreadyActive',
        `Binding for port ${port.id} on host ${binding.host} is already active.`,
      );
    await setActive(operation, port, binding);
    if (port.binding_host_id !== '')
      await putInactiveBinding(unit.trx, {
        port_id: port.id,
        host: port.binding_host_id,
        vnic_type: port.binding_vnic_type,
        profile: port.binding_profile,
        prepared: 0,
      });
    return { ...binding, active: true, bound: true };
  });
  // Not wrapped, as upstream answers to actions.
  return new Reply(200, view(done.result), northboundHeaders(done));
}

async function setActive(
  { unit }: Operation,
  port: PortRow,
  binding: Pick<Binding, 'host' | 'vnic_type' | 'profile'>,
): Promise<void> {
  const columns = {
    binding_host_id: binding.host,
    binding_vnic_type: binding.vnic_type,
    binding_profile: binding.profile,
  };
  const next = await updateRow(unit.trx, 'ports', port, columns, unit.now);
  if (next.binding_host_id !== port.binding_host_id) await pruneInactiveBindings(unit.trx, next);
  unit.touch('port', port.id);
}

function inputOf(call: Call): Input {
  return (call.body as Readonly<Record<string, Input>>)['binding'] ?? {};
}

/** JSON; undefined when the body does not name one. */
function readProfile(input: Input): string | undefined {
  if (!has(input, 'profile')) return undefined;
  const json = JSON.stringify(input['profile'] ?? {});
  if (json.length > MAX_PROFILE) throw invalidInput('binding:profile value too large');
  return json;
}

/** @throws NetworkError 409 */
async function checkFree(db: Sql, port: PortRow, host: string): Promise<void> {
  if ((await bindingsOf(db, port)).some((each) => each.host === host))
    throw conflict('PortBindingAlreadyExists', `Binding for port ${port.id} on host ${host} already exists.`);
}

/** A host that OVN does not know could never plug it. @throws NetworkError 409 */
function checkHost(deps: NetworkDeps, portId: string, host: string): void {
  const known = deps.northbound.agents().map((agent) => agent.host);
  if (known.length > 0 && !known.includes(host))
    throw conflict(
      'PortBindingError',
      `Binding for port ${portId} on host ${host} could not be created or updated: no such host is known to OVN.`,
    );
}
