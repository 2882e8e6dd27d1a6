// os-terminate_connection: ends the export to a host; the attachment stays.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { assertUnused } from '#volume/attachments/assert-unused.ts';
import type { GivenConnector } from '#volume/attachments/connect.ts';
import { endExport } from '#volume/attachments/reserve.ts';
import { listOfVolume, updateAttachment } from '#volume/attachments/store.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { findVolume } from '../find.ts';

export async function terminateConnection(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume_extension:volume_actions:terminate_connection');
  const { connector } = (call.body as { 'os-terminate_connection': { connector: GivenConnector | null } })[
    'os-terminate_connection'
  ];
  await assertUnused(call, deps, await listOfVolume(deps.db.kysely, volume.id));
  await deps.db.transaction(async (trx) => {
    for (const each of await listOfVolume(trx, volume.id)) {
      if (each.connector_json === null) continue;
      if (connector?.host !== undefined && each.attached_host !== connector.host) continue;
      await updateAttachment(trx, each.id, {
        connector_json: null,
        connection_json: null,
        updated_at: isoTime(deps.clock),
      });
      await endExport(trx, deps, each);
    }
  });
}
