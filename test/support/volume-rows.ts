// Rows of the volume database, for tests of what reads them where no backend has to run.
import { randomUUID } from 'node:crypto';
import type { BackendReport } from '#volume/rpc.ts';
import type { VolumeRow, VolumeServiceRow } from '#volume/tables.ts';
import { insertVolume } from '#volume/volumes/store.ts';
import { CALLERS, PROJECT } from './service-harness.ts';
import type { VolumeHarness } from './volume-harness.ts';

/** A volume service that reported just now. `host@backend`. */
export async function addService(
  { service: { deps } }: VolumeHarness,
  host: string,
  fields: Partial<VolumeServiceRow> = {},
): Promise<void> {
  const now = new Date().toISOString();
  const report: BackendReport = {
    host,
    availability_zone: 'nova',
    simulated: true,
    pools: [
      {
        name: 'model',
        totalGb: 100,
        freeGb: 90,
        provisionedGb: 10,
        maxOverSubscriptionRatio: 20,
        thinProvisioning: true,
        multiattach: true,
        storageProtocol: 'simulated',
        vendorName: 'Pileus',
        driverVersion: '1',
        simulated: true,
      },
    ],
  };
  await deps.db.kysely
    .insertInto('volume_services')
    .values({
      id: randomUUID(),
      host,
      binary: 'cinder-volume',
      availability_zone: 'nova',
      disabled: 0,
      disabled_reason: null,
      frozen: 0,
      cluster_name: null,
      report_json: JSON.stringify(report),
      last_seen_at: now,
      created_at: now,
      updated_at: null,
      ...fields,
    })
    .execute();
}

/** As if a backend had made it. */
export async function addVolume(
  { service: { deps } }: VolumeHarness,
  fields: Partial<VolumeRow>,
): Promise<string> {
  const id = randomUUID();
  const now = new Date().toISOString();
  const row: VolumeRow = {
    id,
    project_id: PROJECT,
    user_id: CALLERS.member.userId,
    name: 'v',
    description: null,
    size: 1,
    lifecycle: 'available',
    fault: null,
    forced_status: null,
    volume_type_id: null,
    availability_zone: 'nova',
    host: 'other@model#model',
    bootable: 0,
    multiattach: 0,
    encrypted: 0,
    readonly: 0,
    snapshot_id: null,
    source_volid: null,
    image_id: null,
    backup_id: null,
    scheduler_hints_json: '{}',
    bytes_copied: 0,
    placement_json: null,
    migration_status: null,
    created_at: now,
    updated_at: null,
    launched_at: now,
    ...fields,
  };
  await insertVolume(deps.db.kysely, row, {}, {});
  return id;
}
