// A working model of OVN for tests of the network service's REST side: in memory, no databases. It counts what it is told,
// reports a port as up as soon as it is bound to a host, and can be cut off, as a northbound database that is away.
import {
  type AgentView,
  type NorthboundChange,
  type PortState,
  type ResourceRef,
} from '#network/northbound.ts';
import type { NorthboundAccess, RunningNorthbound } from '#network/service.ts';

export interface NorthboundModel extends RunningNorthbound {
  /** All that it was told, in order. */
  readonly told: ResourceRef[];
  /** While true, `sync` fails. */
  cut: boolean;
}

/** One host, `host1`, always alive. */
export async function modelNorthbound({ db }: Pick<NorthboundAccess, 'db'>): Promise<NorthboundModel> {
  const hosts = new Map<string, string>();
  const told: ResourceRef[] = [];
  let description = '';
  const listeners: Array<(portId: string, state: PortState) => void> = [];
  const portState = (portId: string): PortState => {
    const host = hosts.get(portId);
    const up = host !== undefined && host !== '';
    return {
      up,
      host: up ? host : null,
      chassis: up ? `chassis-${host}` : null,
      tunnelKey: up ? 1 : null,
      missingHop: host === undefined ? 'northbound row' : up ? null : 'chassis claim',
    };
  };
  const model: NorthboundModel = {
    told,
    cut: false,
    sync: async (refs): Promise<NorthboundChange> => {
      if (model.cut) throw new Error('the model is cut off');
      told.push(...refs);
      let ports = 0;
      for (const { id } of refs.filter((ref) => ref.kind === 'port')) {
        const row = await db.kysely
          .selectFrom('ports')
          .select('binding_host_id')
          .where('id', '=', id)
          .executeTakeFirst();
        const before = hosts.get(id);
        if (row) hosts.set(id, row.binding_host_id);
        else hosts.delete(id);
        if (row && before === undefined) ports += 1;
        if (before !== hosts.get(id)) for (const listener of listeners) listener(id, portState(id));
      }
      return { inserted: ports > 0 ? { Logical_Switch_Port: ports } : {}, updated: {}, deleted: {} };
    },
    portState,
    onPortState: (listener) => void listeners.push(listener),
    agents: (): AgentView[] => [
      {
        id: '0a0a0a0a-0000-4000-8000-000000000001',
        agentType: 'OVN Controller Gateway agent',
        binary: 'ovn-controller',
        host: 'host1',
        alive: true,
        adminStateUp: true,
        availabilityZones: [],
        description,
        configurations: {},
        createdAt: '2026-01-01T00:00:00.000Z',
        heartbeatAt: '2026-01-01T00:00:00.000Z',
      },
    ],
    describeAgent: async (_id, text) => {
      description = text;
    },
    removeAgent: async () => undefined,
    start: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
  return model;
}
