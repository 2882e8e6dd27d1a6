// /v2.0/segments: the segment that each network is, as operators look at them. A network has one, so that a segment has the
// network's id; more of them are not made.
import type { Call, Route } from '#platform/http/api.ts';
import type { NetworkRow } from '../tables.ts';
import { NetworkError } from '../errors.ts';
import { ADMIN, rules } from '../policy.ts';
import { shownTime } from '../rest/crud.ts';
import type { NetworkDeps, View } from '../rest/deps.ts';
import { answerList, pickFields, type Listing } from '../rest/listing.ts';
import { findRow, TRUE } from '../rest/select.ts';

export const segmentPolicy = rules({ get_segment: ADMIN });

const LISTING: Listing = {
  plural: 'segments',
  table: 'networks',
  attributes: new Set(['id', 'network_id', 'network_type', 'physical_network', 'segmentation_id', 'name']),
  columns: {
    id: { column: 'id', type: 'text' },
    network_id: { column: 'id', type: 'text' },
    network_type: { column: 'network_type', type: 'text' },
    physical_network: { column: 'physical_network', type: 'text' },
    segmentation_id: { column: 'segmentation_id', type: 'integer' },
  },
};

function view(network: NetworkRow): View {
  return {
    id: network.id,
    network_id: network.id,
    network_type: network.network_type,
    physical_network: network.physical_network,
    segmentation_id: network.segmentation_id,
    name: null,
    description: '',
    created_at: shownTime(network.created_at),
    updated_at: shownTime(network.updated_at),
    revision_number: network.revision_number,
  };
}

/** Who may see no segment sees an empty list, as with every list of the network API. */
async function list(call: Call, deps: NetworkDeps): Promise<View> {
  if (!call.allows('get_segment')) return { segments: [] };
  return answerList(call, LISTING, {
    deps,
    visible: TRUE,
    views: async (rows) => (rows as NetworkRow[]).map(view),
  });
}

async function show(call: Call, deps: NetworkDeps): Promise<View> {
  const id = call.params['id'] ?? '';
  const row = id.length > 64 || id.includes('\0') ? undefined : await findRow(deps.db.kysely, 'networks', id);
  if (!row)
    throw new NetworkError('not-found', 'SegmentNotFound', `Segment ${id.slice(0, 64)} could not be found.`);
  return { segment: pickFields(view(row), call.query.getAll('fields')) };
}

export const segmentRoutes: readonly Route<NetworkDeps>[] = [
  { method: 'GET', path: '/v2.0/segments', handler: list },
  { method: 'GET', path: '/v2.0/segments/:id', handler: show, policy: 'get_segment' },
];
