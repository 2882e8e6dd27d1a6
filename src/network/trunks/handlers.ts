// Creating, changing and deleting trunks, and what is in them.
import { Reply, type Call } from '#platform/http/api.ts';
import type { TrunkRow } from '../tables.ts';
import { conflict, NetworkError } from '../errors.ts';
import { pickFlags, pickTexts, readFlag, readId, readText } from '../rest/attributes.ts';
import { northboundHeaders, type Crud, type Operation } from '../rest/crud.ts';
import type { Caller, Input, NetworkDeps, Sql, View } from '../rest/deps.ts';
import { deleteRows, equals, newStandard, selectRows, updateRow } from '../rest/select.ts';
import { addSubport, insertTrunk, removeSubport, subportsOfTrunks } from './store.ts';
import { checkFree, findOwnPort, readSubports, rowOf } from './subports.ts';

export async function viewTrunks(
  rows: readonly TrunkRow[],
  _caller: Caller,
  deps: NetworkDeps,
  db: Sql,
): Promise<View[]> {
  const subports = await subportsOfTrunks(
    db,
    deps.db.engine,
    rows.map((row) => row.id),
  );
  return rows.map((row) => ({
    name: row.name,
    port_id: row.port_id,
    admin_state_up: row.admin_state_up === 1,
    // A trunk is what OVN has of its parent port: there is nothing else to provision.
    status: deps.northbound.portState(row.port_id).missingHop === 'northbound row' ? 'DOWN' : 'ACTIVE',
    sub_ports: (subports.get(row.id) ?? []).map(({ port_id, segmentation_type, segmentation_id }) => ({
      port_id,
      segmentation_type,
      segmentation_id,
    })),
  }));
}

export async function createTrunk(operation: Operation, input: Input, projectId: string): Promise<TrunkRow> {
  const { unit } = operation;
  const parent = await findOwnPort(operation, readId(input, 'port_id'), projectId);
  await checkFree(operation, parent.id);
  const row: TrunkRow = {
    ...newStandard(input, projectId, unit.now),
    name: readText(input, 'name'),
    admin_state_up: readFlag(input, 'admin_state_up', true),
    port_id: parent.id,
  };
  const wanted = await readSubports(operation, subportsIn(input), parent, projectId);
  await insertTrunk(unit.trx, row);
  for (const each of wanted) await addSubport(unit, row, each.port, rowOf(row.id, each));
  return row;
}

function subportsIn(input: Input): readonly Input[] {
  return (input['sub_ports'] as readonly Input[] | undefined) ?? [];
}

export async function updateTrunk({ unit }: Operation, row: TrunkRow, input: Input): Promise<TrunkRow> {
  const changes = { ...pickTexts(input, ['name', 'description']), ...pickFlags(input, ['admin_state_up']) };
  return updateRow(unit.trx, 'trunks', row, changes, unit.now);
}

export async function removeTrunk(operation: Operation, row: TrunkRow): Promise<void> {
  const { unit } = operation;
  checkEnabled(row);
  for (const subport of await selectRows(unit.trx, 'subports', [equals('trunk_id', row.id)]))
    await removeSubport(unit, subport);
  await deleteRows(unit.trx, 'trunks', [equals('id', row.id)]);
}

/** A trunk that is switched off is left as it is. */
function checkEnabled(row: TrunkRow): void {
  if (row.admin_state_up !== 1) throw conflict('TrunkDisabled', `Trunk ${row.id} is currently disabled.`);
}

type Trunks = Crud<'trunks'>;

/** Their answers are not wrapped, as upstream's to actions. */
export function addSubports(trunks: Trunks) {
  return async (call: Call, deps: NetworkDeps): Promise<Reply> =>
    changeSubports(trunks, call, deps, 'add_subports', async (operation, row, inputs) => {
      const [parent] = await selectRows(operation.unit.trx, 'ports', [equals('id', row.port_id)]);
      const wanted = await readSubports(operation, inputs, parent!, row.project_id); // it stays as long as its trunk
      for (const each of wanted) await addSubport(operation.unit, row, each.port, rowOf(row.id, each));
    });
}

export function removeSubports(trunks: Trunks) {
  return async (call: Call, deps: NetworkDeps): Promise<Reply> =>
    changeSubports(trunks, call, deps, 'remove_subports', async ({ unit }, row, inputs) => {
      const there = await selectRows(unit.trx, 'subports', [equals('trunk_id', row.id)]);
      for (const id of new Set(inputs.map((input) => String(input['port_id'])))) {
        const subport = there.find((each) => each.port_id === id);
        if (!subport)
          throw new NetworkError(
            'not-found',
            'SubPortNotFound',
            `SubPort ${id} on trunk ${row.id} could not be found.`,
          );
        await removeSubport(unit, subport);
      }
    });
}

async function changeSubports(
  trunks: Trunks,
  call: Call,
  deps: NetworkDeps,
  rule: string,
  change: (operation: Operation, row: TrunkRow, inputs: readonly Input[]) => Promise<void>,
): Promise<Reply> {
  const done = await trunks.change(call, deps, async (operation, row) => {
    call.enforce(rule, { project_id: row.project_id });
    checkEnabled(row);
    await change(operation, row, subportsIn(call.body as Input));
    return updateRow(operation.unit.trx, 'trunks', row, {}, operation.unit.now);
  });
  const [view] = await trunks.views([done.result], call, deps, deps.db.kysely);
  return new Reply(200, view, northboundHeaders(done));
}

export function getSubports(trunks: Trunks) {
  return async (call: Call, deps: NetworkDeps): Promise<View> => {
    const row = await trunks.get(call, deps, deps.db.kysely, call.params['id'] ?? '');
    call.enforce('get_subports', { project_id: row.project_id });
    const [view] = await trunks.views([row], call, deps, deps.db.kysely);
    return { sub_ports: view?.['sub_ports'] };
  };
}
