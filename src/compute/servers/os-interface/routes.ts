// `/servers/{id}/os-interface`: the server's ports; attaching answers when the guest has the device, detaching at once.
import type { Transaction } from 'kysely';
import { Type, type TProperties } from 'typebox';
import { Reply, type Call } from '#platform/http/api.ts';
import type { Port } from '#platform/clients/network.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { Conflict, InvalidInput, NotFound } from '#compute/errors.ts';
import type { ComputeTables, InstanceRow, PortRequest } from '#compute/tables.ts';
import { claimMoreInTransaction } from '#placement/claim.ts';
import { ipSchema, strict, uuidSchema } from '#compute/schema-types.ts';
import { awaitAction } from '../await-action.ts';
import { admitAction, commitAction, type ActionSpec } from '../begin-action.ts';
import { findPortRequests, portRequestsOf } from '../port-requests.ts';
import { tokenOf } from '../create/check-image.ts';
import { checkNetworks, requireFreePort } from '../create/check-networks.ts';
import { findServer } from '../find-server.ts';
import { tagSchema } from '../schema.ts';
import { portsOf } from '../server-ports.ts';
import { findInstance, updateInstance } from '../store.ts';
import { vifsOf } from '../view.ts';

const ATTACH_RULE = 'os_compute_api:os-attach-interfaces:create';
const DETACH_RULE = 'os_compute_api:os-attach-interfaces:delete';
const ATTACH_WAIT_MS = 30_000; // as long as clients wait for any answer

type Json = Record<string, unknown>;

function view(call: Call, port: Port, tag: string | undefined): Json {
  return {
    port_id: port.id,
    net_id: port.network_id,
    mac_addr: port.mac_address,
    port_state: port.status,
    fixed_ips: port.fixed_ips.map(({ subnet_id, ip_address }) => ({ subnet_id, ip_address })),
    ...(atLeast(call.microversion, '2.70') ? { tag: tag ?? null } : {}),
  };
}

async function list(call: Call, deps: ComputeDeps): Promise<unknown> {
  const row = await findServer(call, deps, 'os_compute_api:os-attach-interfaces:list');
  const tags = new Map(vifsOf(row).map((vif) => [vif.port_id, vif.tag]));
  const ports = await portsOf(call, deps, row);
  return { interfaceAttachments: ports.map((port) => view(call, port, tags.get(port.id))) };
}

async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  const row = await findServer(call, deps, 'os_compute_api:os-attach-interfaces:show');
  const id = call.params['port'] ?? '';
  const port = (await portsOf(call, deps, row)).find((each) => each.id === id);
  if (!port) throw noPort(row.id, id);
  return { interfaceAttachment: view(call, port, vifsOf(row).find((vif) => vif.port_id === id)?.tag) };
}

const noPort = (server: string, port: string): NotFound =>
  new NotFound(`Instance ${server} does not have a port with id ${port.slice(0, 255)}`, 'no-such-interface');

interface AttachBody {
  readonly interfaceAttachment?: {
    readonly net_id?: string;
    readonly port_id?: string;
    readonly fixed_ips?: ReadonlyArray<{ readonly ip_address: string }>;
    readonly tag?: string;
  };
}

async function attach(call: Call, deps: ComputeDeps): Promise<unknown> {
  const handledAt = deps.clock.now();
  const { net_id, port_id, fixed_ips, tag } = (call.body as AttachBody).interfaceAttachment ?? {};
  if (net_id !== undefined && port_id !== undefined)
    throw new InvalidInput('Must not input both network_id and port_id');
  if (fixed_ips !== undefined && net_id === undefined)
    throw new InvalidInput('Must input network_id when request IP address');
  const spec = {
    action: 'attach_interface',
    rule: ATTACH_RULE,
    from: { vm: ['active', 'paused', 'stopped'] },
  } as const;
  const row = await admitAction(call, deps, spec);
  const network_id = port_id === undefined ? await checkedNetwork(call, deps, net_id) : null;
  if (port_id !== undefined)
    requireFreePort(await deps.network.listPorts(tokenOf(call), { id: [port_id] }), port_id);
  const requests = await findPortRequests(
    call,
    deps,
    port_id === undefined ? [] : [port_id],
    'Attaching interfaces',
  );
  const message = {
    port_id: port_id ?? null,
    network_id,
    fixed_ip: fixed_ips?.[0]?.ip_address ?? null,
    tag: tag ?? null,
    user_token: tokenOf(call),
  };
  const ref = await commitAction(
    call,
    deps,
    row,
    {
      ...spec,
      ...claimOf(row, requests),
      message: (agent, action) => agent.message('attachInterface', { ...action, ...message }),
    },
    handledAt,
  );
  const ended = await awaitAction(deps.db, ref.action_id, ATTACH_WAIT_MS);
  if (ended.state === 'failed')
    throw new DomainError(
      'unavailable',
      'attach-failed',
      ended.message ?? `The interface could not be attached to ${row.id}.`,
    );
  return attached(call, deps, row.id, new Set(vifsOf(row).map((vif) => vif.port_id)));
}

/** What the port asks for is claimed of the server's host with the action, and given back when that fails. */
function claimOf(row: InstanceRow, requests: readonly PortRequest[]): Pick<ActionSpec, 'also'> {
  const [first] = requests;
  if (!first) return {};
  return {
    also: async (trx) => {
      const known = portRequestsOf((await findInstance(trx, row.id)) ?? row);
      if (known.some(({ port_id }) => port_id === first.port_id))
        throw new Conflict(`Port ${first.port_id} is being attached to ${row.id} already.`, 'port-in-use');
      for (const request of requests)
        if ((await claimMoreInTransaction(trx as Transaction<ComputeTables>, row.id, request)) === undefined)
          throw new InvalidInput(
            `The host of instance ${row.id} does not have what port ${request.port_id} asks for: ${JSON.stringify(request.resources)}.`,
            'port-request-not-met',
          );
      await updateInstance(trx, row.id, { port_requests_json: JSON.stringify([...known, ...requests]) });
    },
  };
}

async function checkedNetwork(call: Call, deps: ComputeDeps, id: string | undefined): Promise<string> {
  const request = await checkNetworks(
    call,
    deps,
    id === undefined ? 'unsaid' : [{ kind: 'network', network_id: id }],
  );
  const first = typeof request === 'string' ? undefined : request[0];
  if (first?.kind !== 'network') throw new InvalidInput('The project has no network to attach: name one.');
  return first.network_id;
}

/** The interface that was not there before. */
async function attached(
  call: Call,
  deps: ComputeDeps,
  id: string,
  before: ReadonlySet<string>,
): Promise<unknown> {
  const row = await findInstance(deps.db.kysely, id);
  const vif = row && vifsOf(row).find((each) => !before.has(each.port_id));
  const port = vif && (await deps.network.getPort(tokenOf(call), vif.port_id));
  if (!port)
    throw new NotFound(`The interface that was attached to ${id} is gone already.`, 'no-such-interface');
  return { interfaceAttachment: view(call, port, vif.tag) };
}

async function detach(call: Call, deps: ComputeDeps): Promise<Reply> {
  const handledAt = deps.clock.now();
  const port_id = call.params['port'] ?? '';
  const spec = {
    action: 'detach_interface',
    rule: DETACH_RULE,
    from: { vm: ['active', 'paused', 'stopped'] },
  } as const;
  const row = await admitAction(call, deps, spec);
  const known = vifsOf(row).some((vif) => vif.port_id === port_id);
  if (!known && !(await portsOf(call, deps, row)).some((port) => port.id === port_id))
    throw noPort(row.id, port_id);
  await commitAction(
    call,
    deps,
    row,
    { ...spec, message: (agent, action) => agent.message('detachInterface', { ...action, port_id }) },
    handledAt,
  );
  return new Reply(202);
}

const path = '/v2.1/servers/:id/os-interface';
const fields: TProperties = {
  net_id: Type.Optional(uuidSchema),
  port_id: Type.Optional(uuidSchema),
  fixed_ips: Type.Optional(
    Type.Array(Type.Object({ ip_address: ipSchema }, strict), { minItems: 1, maxItems: 1 }),
  ),
};
const attachBody = (more: TProperties) =>
  Type.Object({ interfaceAttachment: Type.Optional(Type.Object({ ...fields, ...more }, strict)) }, strict);

export const interfaceRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: list },
  {
    method: 'POST',
    path,
    handler: attach,
    body: [
      { schema: attachBody({}) },
      { since: '2.49', schema: attachBody({ tag: Type.Optional(tagSchema) }) },
    ],
    errors: [409, 503, 504],
  },
  { method: 'GET', path: `${path}/:port`, handler: show },
  { method: 'DELETE', path: `${path}/:port`, handler: detach, success: 202, errors: [409] },
];
