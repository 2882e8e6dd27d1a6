// Chooses the segment of a network: its type, physical network and VLAN tag or Geneve identifier.
import { sql } from 'kysely';
import { conflict, invalidInput, NetworkError } from '../errors.ts';
import { readInt, readTextOrNull } from '../rest/attributes.ts';
import type { Input, NetworkDeps, Sql } from '../rest/deps.ts';
import type { NetworkType } from '../tables.ts';

export interface Segment {
  readonly network_type: NetworkType;
  readonly physical_network: string | null;
  readonly segmentation_id: number | null;
  readonly segment_key: string | null;
}

const MAX_GENEVE = 16_777_215; // 24 bits

/** @throws NetworkError when the wish is invalid, taken, or nothing is free. */
export async function chooseSegment(db: Sql, deps: NetworkDeps, input: Input): Promise<Segment> {
  const type = readTextOrNull(input, 'provider:network_type');
  const physical = readTextOrNull(input, 'provider:physical_network');
  const id = readInt(input, 'provider:segmentation_id');
  if (type === null) {
    if (physical !== null || id !== undefined) throw invalidInput('network_type required');
    return tenantSegment(db, deps);
  }
  return providerSegment(db, deps, type, physical, id);
}

async function providerSegment(
  db: Sql,
  deps: NetworkDeps,
  type: string,
  physical: string | null,
  id: number | undefined,
): Promise<Segment> {
  if (type === 'geneve') {
    if (physical !== null) throw invalidInput('provider:physical_network specified for geneve network');
    if (id !== undefined && (id < 1 || id > MAX_GENEVE))
      throw invalidInput(`segmentation_id must be between 1 and ${MAX_GENEVE} for geneve`);
    const chosen = id ?? (await freeId(db, 'geneve', null, deps.config.geneveRange));
    if (chosen === undefined) throw noneFree();
    return withFree(db, { network_type: 'geneve', physical_network: null, segmentation_id: chosen });
  }
  if (type === 'local')
    return { network_type: 'local', physical_network: null, segmentation_id: null, segment_key: null };
  if (type !== 'vlan' && type !== 'flat') throw invalidInput(`network_type value '${type}' not supported`);
  const known = deps.config.physicalNetworks.map((each) => each.name);
  const name = physical ?? (type === 'vlan' ? known[0] : undefined);
  if (name === undefined) throw invalidInput(`physical_network required for ${type} provider network`);
  if (!known.includes(name))
    throw invalidInput(`physical_network '${name}' unknown for ${type} provider network`);
  if (type === 'flat') {
    if (id !== undefined) throw invalidInput('provider:segmentation_id specified for flat network');
    return withFree(db, { network_type: 'flat', physical_network: name, segmentation_id: null });
  }
  if (id !== undefined && (id < 1 || id > 4094))
    throw invalidInput('segmentation_id out of range (1 through 4094)');
  const chosen = id ?? (await freeVlan(db, deps, name));
  if (chosen === undefined) throw noneFree();
  return withFree(db, { network_type: 'vlan', physical_network: name, segmentation_id: chosen });
}

async function tenantSegment(db: Sql, deps: NetworkDeps): Promise<Segment> {
  for (const type of deps.config.tenantNetworkTypes) {
    if (type === 'geneve') {
      const id = await freeId(db, 'geneve', null, deps.config.geneveRange);
      if (id !== undefined)
        return keyed({ network_type: 'geneve', physical_network: null, segmentation_id: id });
      continue;
    }
    for (const { name } of deps.config.physicalNetworks) {
      const id = await freeVlan(db, deps, name);
      if (id !== undefined)
        return keyed({ network_type: 'vlan', physical_network: name, segmentation_id: id });
    }
  }
  throw noneFree();
}

function noneFree(): Error {
  return conflict(
    'NoNetworkAvailable',
    'Unable to create the network. No tenant network is available for allocation.',
  );
}

function keyed(segment: Omit<Segment, 'segment_key'>): Segment {
  const parts = [segment.network_type, segment.physical_network, segment.segmentation_id];
  return { ...segment, segment_key: parts.filter((part) => part !== null).join(':') };
}

async function withFree(db: Sql, segment: Omit<Segment, 'segment_key'>): Promise<Segment> {
  const made = keyed(segment);
  const taken = await db
    .selectFrom('networks')
    .select('id')
    .where('segment_key', '=', made.segment_key)
    .executeTakeFirst();
  if (!taken) return made;
  const { network_type: type, physical_network: physical, segmentation_id: id } = segment;
  if (type === 'flat')
    throw conflict(
      'FlatNetworkInUse',
      `Unable to create the flat network. Physical network ${physical} is in use.`,
    );
  if (type === 'vlan')
    throw conflict(
      'VlanIdInUse',
      `Unable to create the network. The VLAN ${id} on physical network ${physical} is in use.`,
    );
  throw conflict('TunnelIdInUse', `Unable to create the network. The tunnel ID ${id} is in use.`);
}

async function freeVlan(db: Sql, deps: NetworkDeps, physical: string): Promise<number | undefined> {
  const network = deps.config.physicalNetworks.find((each) => each.name === physical);
  for (const range of network?.vlanRanges ?? []) {
    const id = await freeId(db, 'vlan', physical, range);
    if (id !== undefined) return id;
  }
  return undefined;
}

/** The id above the highest in use, or the lowest gap when the top is reached. */
async function freeId(
  db: Sql,
  type: string,
  physical: string | null,
  [low, high]: readonly [number, number],
): Promise<number | undefined> {
  const inRange = sql`network_type = ${type} and coalesce(physical_network, '') = ${physical ?? ''}
    and segmentation_id between ${low} and ${high}`;
  const { rows } = await sql<{
    top: number | null;
  }>`select max(segmentation_id) as top from networks where ${inRange}`.execute(db);
  const top = rows[0]?.top;
  if (top === null || top === undefined) return low;
  if (top < high) return top + 1;
  const used = await sql<{ id: number }>`select segmentation_id as id from networks where ${inRange}`.execute(
    db,
  );
  const taken = new Set(used.rows.map((row) => row.id));
  for (let id = low; id <= high; id++) if (!taken.has(id)) return id;
  return undefined;
}

export function checkZones(deps: NetworkDeps, hints: readonly string[]): void {
  const unknown = hints.find((hint) => !deps.config.availabilityZones.includes(hint));
  if (unknown !== undefined)
    throw new NetworkError(
      'not-found',
      'AvailabilityZoneNotFound',
      `AvailabilityZone ${unknown} could not be found.`,
    );
}
