// os-initialize_connection: exports the volume to a host that it is reserved for.
import type { Call } from '#platform/http/api.ts';
import { connectAttachment, type GivenConnector } from '#volume/attachments/connect.ts';
import { seesConnections } from '#volume/attachments/sight.ts';
import { listOfVolume } from '#volume/attachments/store.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidVolume } from '#volume/errors.ts';
import { findVolume } from '../find.ts';

export async function initializeConnection(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { volume } = await findVolume(call, deps, 'volume_extension:volume_actions:initialize_connection');
  const { connector } = (call.body as { 'os-initialize_connection': { connector: GivenConnector } })[
    'os-initialize_connection'
  ];
  const all = await listOfVolume(deps.db.kysely, volume.id);
  const row =
    all.find((each) => each.attached_host === connector.host && each.connector_json !== null) ??
    all.findLast((each) => each.connector_json === null);
  if (!row) throw new InvalidVolume(`volume ${volume.id} is reserved for nobody: reserve it first.`);
  const { connection } = await connectAttachment(deps, row.id, connector);
  const sees = await seesConnections(call, deps);
  return {
    connection_info: {
      driver_volume_type: connection.driver_volume_type,
      data: sees ? { ...connection.data, encrypted: volume.encrypted === 1 } : {},
    },
  };
}
