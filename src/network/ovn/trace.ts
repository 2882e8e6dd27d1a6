// What is known of a port's way through OVN, with its times: the evidence of the launch record's network hops.
import type { OvsdbClient } from '#platform/ovsdb/client.ts';
import type { Endpoint } from '#platform/ovsdb/endpoint.ts';
import type { PortTrace } from '../northbound.ts';
import { countLogicalFlows } from './logical-flows.ts';
import { KEY, type Nb, type Sb } from './model.ts';
import type { PortStates } from './port-states.ts';

export interface TraceContext {
  readonly nb: OvsdbClient<Nb>;
  readonly sb: OvsdbClient<Sb>;
  readonly states: PortStates;
  readonly sbEndpoint: Endpoint;
}

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** @param withFlows counts the logical flows of the port's datapath, which the southbound server has to search for */
export async function tracePort(
  context: TraceContext,
  portId: string,
  withFlows: boolean,
): Promise<PortTrace> {
  const { nb, sb, states } = context;
  const state = states.state(portId);
  const times = states.times(portId);
  const port = states.switchPort(portId);
  const binding = states.binding(portId);
  const global = nb.connected ? nb.table('NB_Global').list()[0] : undefined;
  const datapath = binding ? sb.table('Datapath_Binding').get(binding.datapath) : undefined;
  const chassis = binding?.chassis ? sb.table('Chassis').get(binding.chassis) : undefined;
  const since = (ms: number | null): number | null =>
    ms === null || times.committedAt === null ? null : Math.max(0, ms - times.committedAt);
  return {
    port_id: portId,
    up: state.up,
    missing: state.missingHop,
    northbound: {
      connected: nb.connected,
      rows: times.rows ?? { inserted: {}, updated: {}, deleted: {} },
      committed_at: iso(times.committedAt),
      revision: port ? Number(port.external_ids[KEY.revision] ?? -1) : null,
      row: port?._uuid ?? null,
      up: port?.up ?? null,
    },
    southbound: {
      connected: sb.connected,
      datapath: binding?.datapath ?? null,
      datapath_key: datapath?.tunnel_key ?? null,
      tunnel_key: binding?.tunnel_key ?? null,
      created_at: iso(times.boundAt),
      after_ms: since(times.boundAt),
      nb_cfg: global?.nb_cfg ?? null,
      sb_cfg: global?.sb_cfg ?? null,
      hv_cfg: global?.hv_cfg ?? null,
      ...(withFlows && binding
        ? { logical_flows: await countLogicalFlows(context.sbEndpoint, binding.datapath) }
        : {}),
    },
    binding: {
      chassis: chassis?.name ?? null,
      host: chassis?.hostname ?? null,
      // Where it is plugged as well, while its guest moves; `activated`: where the guest has said that it runs.
      additional_hosts: (binding?.additional_chassis ?? []).flatMap(
        (uuid) => sb.table('Chassis').get(uuid)?.hostname ?? [],
      ),
      activated: (binding?.options['additional-chassis-activated'] ?? '').split(',').filter(Boolean),
      requested: port?.options['requested-chassis'] ?? null,
      up: binding?.up ?? null,
      claimed_at: iso(times.claimedAt),
      claimed_after_ms: since(times.claimedAt),
      up_at: iso(times.upAt),
      up_after_ms: since(times.upAt),
    },
  };
}
