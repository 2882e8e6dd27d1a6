// Tells placement how much bandwidth each host has on its physical networks, as providers below the host's own, so that a
// server whose ports keep bandwidth free finds a host that has it. Runs where bandwidths are configured.
import type { Inventories, PlacementClient, ResourceProvider } from '#platform/clients/placement.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { Log } from '#platform/log/log.ts';
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import type { Bandwidth } from '../config.ts';
import type { Northbound } from '../northbound.ts';
import {
  BANDWIDTH_CLASS,
  nameUuid,
  physicalNetworkTrait,
  vnicTypeTrait,
} from '../qos-policies/resource-request.ts';

const INTERVAL_MS = 2000; // a host that is new takes ports with minimums this long after it has reported itself
const REPEAT_MS = 300_000; // what was told is looked at again after this long: somebody may have changed it

export interface ReportOptions {
  readonly northbound: Northbound;
  readonly placement: PlacementClient;
  readonly serviceToken: () => Promise<string>;
  /** By physical network. */
  readonly bandwidths: Readonly<Record<string, Bandwidth>>;
  readonly now: () => number;
  readonly log: Log;
}

/** The provider of one bridge of a host. */
interface Device {
  readonly host: string;
  readonly bridge: string;
  readonly physicalNetwork: string;
  readonly bandwidth: Bandwidth;
}

export function startReportBandwidth(options: ReportOptions): Loop {
  const told = new Map<string, number>();
  return startLoop({
    name: 'report-bandwidth',
    intervalMs: INTERVAL_MS,
    log: options.log,
    run: async (signal) => {
      for (const device of devicesOf(options)) {
        signal.throwIfAborted();
        const key = `${device.host} ${device.bridge}`;
        if (options.now() - (told.get(key) ?? -Infinity) < REPEAT_MS) continue;
        if (await report(options, device)) told.set(key, options.now());
      }
    },
  });
}

function devicesOf({ northbound, bandwidths }: ReportOptions): Device[] {
  return northbound.agents().flatMap(({ host, configurations }) =>
    String(configurations['bridge-mappings'] ?? '')
      .split(',')
      .flatMap((mapping) => {
        const [physicalNetwork = '', bridge = ''] = mapping.trim().split(':');
        const bandwidth = Object.hasOwn(bandwidths, physicalNetwork)
          ? bandwidths[physicalNetwork]
          : undefined;
        return bandwidth && bridge !== '' ? [{ host, bridge, physicalNetwork, bandwidth }] : [];
      }),
  );
}

/** False while the host is no compute node yet. */
async function report({ placement, serviceToken, log }: ReportOptions, device: Device): Promise<boolean> {
  const token = await serviceToken();
  const root = await placement.findProvider(token, device.host);
  if (!root) return false;
  const ensure = async (name: string, parent: string): Promise<ResourceProvider> =>
    (await placement.findProvider(token, name)) ??
    placement.createProvider(token, {
      uuid: nameUuid(`${root.uuid} ${name}`),
      name,
      parent_provider_uuid: parent,
    });
  try {
    const agent = `${device.host}:OVN Controller agent`;
    const provider = await ensure(`${agent}:${device.bridge}`, (await ensure(agent, root.uuid)).uuid);
    const traits = [physicalNetworkTrait(device.physicalNetwork), vnicTypeTrait('normal')];
    const held = await placement.getTraits(token, provider.uuid);
    const missing = traits.filter((trait) => !held.traits.includes(trait));
    if (missing.length > 0)
      await placement.putTraits(token, provider.uuid, held.generation, [...held.traits, ...missing]);
    await bringInventories(placement, token, provider.uuid, device.bandwidth);
    return true;
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind !== 'conflict') throw error;
    // Somebody changed the provider in between: the next run looks again.
    log.info({ host: device.host, reason: error.message }, 'bandwidth was not told, will be told again');
    return false;
  }
}

async function bringInventories(
  placement: PlacementClient,
  token: string,
  uuid: string,
  bandwidth: Bandwidth,
): Promise<void> {
  const { generation, inventories } = await placement.getInventories(token, uuid);
  const wanted: Inventories = Object.fromEntries(
    (['egress', 'ingress'] as const).flatMap((direction) => {
      const total = bandwidth[direction] ?? 0;
      if (total <= 0) return [];
      const name = BANDWIDTH_CLASS[direction];
      const given = { reserved: 0, min_unit: 1, step_size: 1, allocation_ratio: 1 };
      return [[name, { ...given, ...inventories[name], total, max_unit: total }]];
    }),
  );
  const same =
    Object.keys(wanted).length === Object.keys(inventories).length &&
    Object.entries(wanted).every(([name, { total }]) => inventories[name]?.total === total);
  if (!same) await placement.putInventories(token, uuid, generation, wanted);
}
