// Counts a datapath's logical flows by asking the southbound server: they are too many to keep a copy of.
import { dial, remotesOf, type Endpoint } from '#platform/ovsdb/endpoint.ts';
import { OvsdbError } from '#platform/ovsdb/errors.ts';
import { JsonRpcPeer } from '#platform/ovsdb/json-rpc.ts';

const DEADLINE_MS = 5000;

type Rows = ReadonlyArray<Readonly<Record<string, unknown>>>;

interface Selected {
  readonly rows?: Rows;
  readonly error?: string;
  readonly details?: string;
}

/** Flows of the datapath itself, and those that it shares with others in a group. @throws OvsdbError */
export async function countLogicalFlows(endpoint: Endpoint, datapath: string): Promise<number> {
  const stream = await dial(remotesOf(endpoint)[0]!, DEADLINE_MS, AbortSignal.timeout(DEADLINE_MS)); // never empty
  const peer = new JsonRpcPeer(stream, {});
  const select = async (operations: readonly object[]): Promise<readonly Rows[]> => {
    const results = (await peer.request('transact', ['OVN_Southbound', ...operations], {
      deadlineMs: DEADLINE_MS,
    })) as Selected[];
    return operations.map((_, index) => {
      const { rows, error = 'no answer', details } = results[index] ?? {};
      if (!rows) throw new OvsdbError(error, details === undefined ? {} : { details }); // no answer is not none
      return rows;
    });
  };
  try {
    const own = ['uuid', datapath];
    const [groups, flows] = await select([
      {
        op: 'select',
        table: 'Logical_DP_Group',
        where: [['datapaths', 'includes', own]],
        columns: ['_uuid'],
      },
      {
        op: 'select',
        table: 'Logical_Flow',
        where: [['logical_datapath', '==', own]],
        columns: ['_uuid'], // the server answers rows that are alike once
      },
    ]);
    const shared = await select(
      (groups ?? []).map((group) => ({
        op: 'select',
        table: 'Logical_Flow',
        where: [['logical_dp_group', '==', group['_uuid']]],
        columns: ['_uuid'], // the server answers rows that are alike once
      })),
    );
    return [flows, ...shared].reduce((sum, rows) => sum + (rows?.length ?? 0), 0);
  } finally {
    peer.close();
  }
}
