// Bodies that the volume service would take from the right caller.
import type { Ids } from './belongings.ts';

export function volume(ids: Ids): Readonly<Record<string, unknown>> {
  return { ...volumes(ids), ...types(ids), ...operators(ids), ...transfersAndBackups(ids), ...groups(ids) };
}

function volumes(ids: Ids): Readonly<Record<string, unknown>> {
  const action = (collection: string, key: string, value: unknown): Record<string, unknown> => ({
    [`POST /v3/${collection}/:id/action ${key}`]: { [key]: value },
  });
  const onVolume = (key: string, value: unknown): Record<string, unknown> => action('volumes', key, value);
  const connector = { host: 'x' };
  return {
    'POST /v3/volumes': { volume: { size: 1, name: 'x', metadata: { k: 'v' } } },
    'PUT /v3/volumes/:id': { volume: { name: 'x' } },
    'POST /v3/volumes/:id/metadata': { metadata: { k: 'v' } },
    'PUT /v3/volumes/:id/metadata': { metadata: { k: 'v' } },
    'PUT /v3/volumes/:id/metadata/:key': { meta: { k: 'v' } },
    ...onVolume('os-extend', { new_size: 2 }),
    ...onVolume('os-reset_status', { status: 'available' }),
    ...onVolume('os-force_delete', {}),
    ...onVolume('os-unmanage', {}),
    ...onVolume('os-set_bootable', { bootable: true }),
    ...onVolume('os-update_readonly_flag', { readonly: true }),
    ...onVolume('os-set_image_metadata', { metadata: { k: 'v' } }),
    ...onVolume('os-unset_image_metadata', { key: 'k' }),
    ...onVolume('os-show_image_metadata', {}),
    ...onVolume('os-retype', { new_type: ids['volume_type'] }),
    ...onVolume('os-migrate_volume', { host: 'x@y#z' }),
    ...onVolume('os-migrate_volume_completion', { new_volume: ids['volume'] }),
    ...onVolume('os-volume_upload_image', { image_name: 'x' }),
    ...onVolume('revert', { snapshot_id: ids['volume_snapshot'] }),
    ...onVolume('os-reimage', { image_id: ids['image'] }),
    ...onVolume('os-reserve', {}),
    ...onVolume('os-unreserve', {}),
    ...onVolume('os-begin_detaching', {}),
    ...onVolume('os-roll_detaching', {}),
    ...onVolume('os-attach', { mountpoint: '/dev/vdb', host_name: 'x' }),
    ...onVolume('os-detach', {}),
    ...onVolume('os-force_detach', {}),
    ...onVolume('os-initialize_connection', { connector }),
    ...onVolume('os-terminate_connection', { connector }),
    'POST /v3/attachments': {
      attachment: { volume_uuid: ids['volume'], instance_uuid: '0b0d0c0b-1111-4222-8333-444455556666' },
    },
    'PUT /v3/attachments/:id': { attachment: { connector } },
    ...action('attachments', 'os-complete', {}),
    'POST /v3/snapshots': { snapshot: { volume_id: ids['volume'], name: 'x' } },
    'PUT /v3/snapshots/:id': { snapshot: { name: 'x' } },
    'POST /v3/snapshots/:id/metadata': { metadata: { k: 'v' } },
    'PUT /v3/snapshots/:id/metadata': { metadata: { k: 'v' } },
    'PUT /v3/snapshots/:id/metadata/:key': { meta: { k: 'v' } },
    ...action('snapshots', 'os-reset_status', { status: 'available' }),
    ...action('snapshots', 'os-update_snapshot_status', { status: 'available' }),
    ...action('snapshots', 'os-force_delete', {}),
    ...action('snapshots', 'os-unmanage', {}),
    ...manageable(ids),
  };
}

function manageable(ids: Ids): Readonly<Record<string, unknown>> {
  const ref = { 'source-name': 'volume-x' };
  const volume = { volume: { host: 'x@y#z', ref } };
  const snapshot = { snapshot: { volume_id: ids['volume'], ref } };
  return {
    'POST /v3/os-volume-manage': volume,
    'POST /v3/manageable_volumes': volume,
    'POST /v3/os-snapshot-manage': snapshot,
    'POST /v3/manageable_snapshots': snapshot,
  };
}

function groups(ids: Ids): Readonly<Record<string, unknown>> {
  const reset_status = { status: 'available' };
  return {
    'POST /v3/group_types': { group_type: { name: 'x', group_specs: { k: 'v' } } },
    'PUT /v3/group_types/:id': { group_type: { name: 'x' } },
    'POST /v3/group_types/:id/group_specs': { group_specs: { k: 'v' } },
    'PUT /v3/group_types/:id/group_specs/:key': { k: 'w' },
    'POST /v3/groups': {
      group: { name: 'x', group_type: ids['volume_group_type'], volume_types: [ids['volume_type']] },
    },
    'PUT /v3/groups/:id': { group: { name: 'x' } },
    'POST /v3/groups/action create-from-src': {
      'create-from-src': { source_group_id: ids['volume_group'], name: 'x' },
    },
    'POST /v3/groups/:id/action delete': { delete: { 'delete-volumes': true } },
    'POST /v3/groups/:id/action reset_status': { reset_status },
    ...Object.fromEntries(
      ['enable', 'disable', 'failover'].map((verb) => [
        `POST /v3/groups/:id/action ${verb}_replication`,
        { [`${verb}_replication`]: {} },
      ]),
    ),
    'POST /v3/groups/:id/action list_replication_targets': { list_replication_targets: {} },
    'POST /v3/consistencygroups': { consistencygroup: { name: 'x', volume_types: '__DEFAULT__' } },
    'POST /v3/consistencygroups/create_from_src': {
      'consistencygroup-from-src': { source_cgid: ids['volume_group'], name: 'x' },
    },
    'PUT /v3/consistencygroups/:id': { consistencygroup: { name: 'x' } },
    'PUT /v3/consistencygroups/:id/update': { consistencygroup: { name: 'x' } },
    'POST /v3/consistencygroups/:id/delete': { consistencygroup: { force: false } },
    'POST /v3/cgsnapshots': { cgsnapshot: { consistencygroup_id: ids['volume_group'], name: 'x' } },
    'POST /v3/group_snapshots': { group_snapshot: { group_id: ids['volume_group'], name: 'x' } },
    'POST /v3/group_snapshots/:id/action reset_status': { reset_status },
  };
}

function types(ids: Ids): Readonly<Record<string, unknown>> {
  const encryption = { provider: 'luks', key_size: 256 };
  const access = { project: ids['projectB'] };
  return {
    'POST /v3/types': { volume_type: { name: 'x', extra_specs: { k: 'v' } } },
    'PUT /v3/types/:id': { volume_type: { name: 'x' } },
    'POST /v3/types/:id/action addProjectAccess': { addProjectAccess: access },
    'POST /v3/types/:id/action removeProjectAccess': { removeProjectAccess: access },
    'POST /v3/types/:id/extra_specs': { extra_specs: { k: 'v' } },
    'PUT /v3/types/:id/extra_specs/:key': { volume_backend_name: 'x' },
    'POST /v3/types/:id/encryption': { encryption },
    'PUT /v3/types/:id/encryption/:key': { encryption },
    'PUT /v3/default-types/:id': { default_type: { volume_type: ids['volume_type'] } },
    'POST /v3/qos-specs': { qos_specs: { name: 'x', read_iops_sec: '1' } },
    'PUT /v3/qos-specs/:id': { qos_specs: { read_iops_sec: '2' } },
    'PUT /v3/qos-specs/:id/delete_keys': { keys: ['read_iops_sec'] },
  };
}

function operators(ids: Ids): Readonly<Record<string, unknown>> {
  const host = ids['volume_host'];
  const named = { host, binary: 'cinder-volume' };
  return {
    'PUT /v3/os-quota-sets/:id': { quota_set: { volumes: 5 } },
    'PUT /v3/os-quota-class-sets/:id': { quota_class_set: { volumes: 5 } },
    'PUT /v3/os-services/enable': named,
    'PUT /v3/os-services/disable': named,
    'PUT /v3/os-services/disable-log-reason': { ...named, disabled_reason: 'x' },
    'PUT /v3/os-services/freeze': { host },
    'PUT /v3/os-services/thaw': { host },
    'PUT /v3/os-services/failover_host': { host },
    'PUT /v3/os-services/failover': { host },
    'PUT /v3/os-services/set-log': { binary: 'cinder-api', prefix: 'x', level: 'INFO' },
    'PUT /v3/os-services/get-log': { binary: 'cinder-api' },
    'PUT /v3/os-hosts/:id': { status: 'enable' },
    'PUT /v3/clusters/enable': { name: 'a-cluster' },
    'PUT /v3/clusters/disable': { name: 'a-cluster', disabled_reason: 'x' },
    'POST /v3/workers/cleanup': { host },
  };
}

function transfersAndBackups(ids: Ids): Readonly<Record<string, unknown>> {
  const transfer = { transfer: { name: 'x', volume_id: ids['volume'] } };
  const accept = { accept: { auth_key: '0123456789abcdef' } };
  return {
    'POST /v3/os-volume-transfer': transfer,
    'POST /v3/volume-transfers': transfer,
    'POST /v3/os-volume-transfer/:id/accept': accept,
    'POST /v3/volume-transfers/:id/accept': accept,
    'POST /v3/backups': { backup: { volume_id: ids['volume'], name: 'x' } },
    'PUT /v3/backups/:id': { backup: { name: 'x' } },
    'POST /v3/backups/:id/restore': { restore: {} },
    'POST /v3/backups/import_record': {
      'backup-record': { backup_service: 'cinder.backup.drivers.pileus', backup_url: 'e30=' },
    },
    'POST /v3/backups/:id/action os-reset_status': { 'os-reset_status': { status: 'error' } },
    'POST /v3/backups/:id/action os-force_delete': { 'os-force_delete': {} },
  };
}
