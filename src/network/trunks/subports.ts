// Reads the subports that a body names and checks each: whose port it is, that nothing else uses it, and that its network
// fits into the trunk's.
import type { NetworkRow, PortRow, SubportRow } from '../tables.ts';
import { conflict, invalidInput, notFound } from '../errors.ts';
import { readInt } from '../rest/attributes.ts';
import type { Operation } from '../rest/crud.ts';
import type { Input } from '../rest/deps.ts';
import { equals, inList, selectRows } from '../rest/select.ts';
import { visiblePorts } from '../ports/store.ts';
import { findSubport, findTrunkOf, parentInUse } from './store.ts';

const MAX_TAG = 4094;

export interface Wanted {
  readonly port: PortRow;
  readonly segmentation_type: string;
  readonly segmentation_id: number;
}

/** Of the trunk's own project, unless an administrator asks. @throws NetworkError 404 */
export async function findOwnPort(operation: Operation, id: string, projectId: string): Promise<PortRow> {
  const { unit, caller } = operation;
  const [port] = await selectRows(unit.trx, 'ports', [equals('id', id), visiblePorts(caller)]);
  if (!port || (port.project_id !== projectId && !caller.admin)) throw notFound('port', id);
  return port;
}

/** @throws NetworkError 409 for a port that has a trunk, or is in one */
export async function checkFree(operation: Operation, portId: string): Promise<void> {
  const { trx } = operation.unit;
  if (await findSubport(trx, portId))
    throw conflict('TrunkPortInUse', `Port ${portId} is in use by another trunk.`);
  if (await findTrunkOf(trx, portId)) throw parentInUse(portId);
}

/** @throws NetworkError 400, 404 or 409 naming the first that does not fit */
export async function readSubports(
  operation: Operation,
  inputs: readonly Input[],
  parent: PortRow,
  projectId: string,
): Promise<Wanted[]> {
  checkDistinct(inputs);
  const ports: PortRow[] = [];
  for (const input of inputs) {
    const id = String(input['port_id']);
    if (id === parent.id) throw parentInUse(id);
    const port = await findOwnPort(operation, id, projectId);
    await checkFree(operation, id);
    if (port.device_id !== '')
      throw conflict(
        'PortInUse',
        `Unable to complete operation on port ${id} for network ${port.network_id}. Port already has an attached device ${port.device_id}.`,
      );
    ports.push(port);
  }
  const networks = await networksOf(operation, [parent, ...ports]);
  const wanted = inputs.map((input, at): Wanted => {
    const port = ports[at]!; // one for each
    return { port, ...readSegment(input, networks.get(port.network_id)) };
  });
  checkMtu(wanted, networks, parent);
  const tags = wanted.map((each) => each.segmentation_id);
  const twice = tags.find((tag, at) => tags.indexOf(tag) !== at);
  if (twice !== undefined) throw invalidInput(`Segmentation ID '${twice}' is not unique`);
  return wanted;
}

export function rowOf(trunkId: string, { port, ...segment }: Wanted): SubportRow {
  return { port_id: port.id, trunk_id: trunkId, ...segment };
}

async function networksOf(
  { unit, deps }: Operation,
  ports: readonly PortRow[],
): Promise<Map<string, NetworkRow>> {
  const ids = [...new Set(ports.map((port) => port.network_id))];
  const rows = await selectRows(unit.trx, 'networks', [inList(deps.db.engine, 'id', ids)]);
  return new Map(rows.map((row) => [row.id, row]));
}

function checkDistinct(inputs: readonly Input[]): void {
  const ids = inputs.map((input) => String(input['port_id']));
  const twice = ids.find((id, at) => ids.indexOf(id) !== at);
  if (twice !== undefined) throw invalidInput(`Non unique port '${twice}' in sub_ports`);
}

/** `inherit` takes what the subport's network has, which is a tag on VLAN networks alone. */
function readSegment(
  input: Input,
  network: NetworkRow | undefined,
): Pick<Wanted, 'segmentation_type' | 'segmentation_id'> {
  const inherits = input['segmentation_type'] === 'inherit';
  const type = inherits ? network?.network_type : input['segmentation_type'];
  const id = inherits ? (network?.segmentation_id ?? undefined) : readInt(input, 'segmentation_id');
  if (typeof type !== 'string' || id === undefined)
    throw invalidInput(
      `Invalid subport details of port ${String(input['port_id'])}: both segmentation_id and segmentation_type are needed`,
    );
  if (type !== 'vlan') throw invalidInput(`Unknown segmentation_type '${type}'`);
  if (id < 1 || id > MAX_TAG) throw invalidInput(`Segmentation ID '${id}' is not in range`);
  return { segmentation_type: type, segmentation_id: id };
}

function checkMtu(
  wanted: readonly Wanted[],
  networks: ReadonlyMap<string, NetworkRow>,
  parent: PortRow,
): void {
  const most = networks.get(parent.network_id)?.mtu;
  for (const { port } of wanted) {
    const mtu = networks.get(port.network_id)?.mtu;
    if (most !== undefined && mtu !== undefined && mtu > most)
      throw conflict(
        'SubPortMtuGreaterThanTrunkPortMtu',
        `MTU ${mtu} of subport ${port.id} cannot be greater than MTU ${most} of trunk ${parent.id}.`,
      );
  }
}
