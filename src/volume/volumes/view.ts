// A volume as the API shows it. Pure: what the caller may see is passed in.
import { atLeast, type Microversion } from '#platform/microversion/microversion.ts';
import type { Call } from '#platform/http/api.ts';
import { shownTime, shownTimeOrNull } from '#volume/times.ts';
import { statusOf } from './status.ts';
import type { WholeVolume } from './store.ts';

type Json = Record<string, unknown>;

export interface Sight {
  readonly host: boolean;
  readonly project: boolean;
  readonly migration: boolean;
  readonly admin: boolean;
}

/** What the caller may see of the volumes of `projectId`. */
export function sightOf(call: Call, projectId: string): Sight {
  const target = { project_id: projectId };
  return {
    host: call.allows('volume_extension:volume_host_attribute', target),
    project: call.allows('volume_extension:volume_tenant_attribute', target),
    migration: call.allows('volume_extension:volume_mig_status_attribute', target),
    admin: call.principal.roles.includes('admin'),
  };
}

/** The two links of every resource: `self` with the version, `bookmark` without. */
export function linksOf(call: Pick<Call, 'baseUrl' | 'principal'>, collection: string, id: string): Json[] {
  const { projectId } = call.principal;
  const below = projectId === undefined ? collection : `${projectId}/${collection}`;
  return [
    { rel: 'self', href: `${call.baseUrl}/v3/${below}/${id}` },
    { rel: 'bookmark', href: `${call.baseUrl}/${below}/${id}` },
  ];
}

export function briefView(call: Call, { volume }: WholeVolume): Json {
  return { id: volume.id, name: volume.name, links: linksOf(call, 'volumes', volume.id) };
}

/** As shows and lists have it. */
export function detailView(call: Call, whole: WholeVolume): Json {
  const { volume, imageMetadata } = whole;
  const sight = sightOf(call, volume.project_id);
  return {
    ...changedView(call, whole),
    ...(Object.keys(imageMetadata).length > 0 ? { volume_image_metadata: imageMetadata } : {}),
    ...(sight.project ? { 'os-vol-tenant-attr:tenant_id': volume.project_id } : {}),
    ...(sight.host ? { 'os-vol-host-attr:host': volume.host } : {}),
    ...(sight.migration
      ? { 'os-vol-mig-status-attr:migstat': volume.migration_status, 'os-vol-mig-status-attr:name_id': null }
      : {}),
  };
}

/** As creates and updates answer it: without what were extensions of upstream's shows. */
export function changedView(call: Call, whole: WholeVolume): Json {
  const { volume, metadata } = whole;
  const sight = sightOf(call, volume.project_id);
  const version = call.microversion;
  return {
    id: volume.id,
    name: volume.name,
    description: volume.description,
    status: statusOf(volume, whole.attachments),
    size: volume.size,
    availability_zone: volume.availability_zone,
    created_at: shownTime(volume.created_at),
    updated_at: shownTimeOrNull(volume.updated_at),
    attachments: attachmentsOf(whole, sight),
    volume_type: whole.typeName,
    snapshot_id: volume.snapshot_id,
    source_volid: volume.source_volid,
    metadata: volume.readonly === 1 ? { ...metadata, readonly: 'True' } : metadata,
    links: linksOf(call, 'volumes', volume.id),
    user_id: volume.user_id,
    bootable: volume.bootable === 1 ? 'true' : 'false',
    encrypted: volume.encrypted === 1,
    replication_status: null,
    consistencygroup_id: whole.inConsistencyGroup ? (whole.groupId ?? null) : null,
    multiattach: volume.multiattach === 1,
    ...(sight.migration ? { migration_status: volume.migration_status } : {}),
    ...versioned(version, whole, sight),
  };
}

function versioned(version: Microversion, whole: WholeVolume, sight: Sight): Json {
  const { volume, groupId, encryptionKeyId = null } = whole;
  return {
    ...(atLeast(version, '3.13') ? { group_id: groupId ?? null } : {}),
    ...(atLeast(version, '3.21') && sight.admin ? { provider_id: null } : {}),
    // No backend here shares a target between volumes, so that a host never has to serialise its rescans.
    ...(atLeast(version, '3.48')
      ? { shared_targets: atLeast(version, '3.69') ? null : false, service_uuid: null }
      : {}),
    ...(atLeast(version, '3.61') && sight.admin ? { cluster_name: placeInCluster(whole) } : {}),
    ...(atLeast(version, '3.63') ? { volume_type_id: volume.volume_type_id } : {}),
    ...(atLeast(version, '3.64') && encryptionKeyId !== null ? { encryption_key_id: encryptionKeyId } : {}),
    ...(atLeast(version, '3.65') ? { consumes_quota: true } : {}),
  };
}

/** As its host, with the cluster in the place of the service. */
function placeInCluster({ volume, clusterName }: WholeVolume): string | null {
  const [, pool] = volume.host?.split('#') ?? [];
  return clusterName ? `${clusterName}${pool === undefined ? '' : `#${pool}`}` : null;
}

/** Those that are attached; a reservation shows in the status alone. */
function attachmentsOf({ volume, attachments }: WholeVolume, sight: Sight): Json[] {
  return attachments
    .filter(({ status }) => status === 'attached' || status === 'detaching')
    .map((each) => ({
      id: volume.id,
      attachment_id: each.id,
      volume_id: volume.id,
      server_id: each.instance_id,
      host_name: sight.host ? each.attached_host : null,
      device: each.mountpoint,
      attached_at: shownTimeOrNull(each.attached_at),
    }));
}
