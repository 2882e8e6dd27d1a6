// Reads a volume of another backend by the connection that its service made for us. Called where volumes are moved.
import { openForeignExport } from '#drivers/storage-daemon/block-access.ts';
import { openInModel } from '#drivers/volume-memory/models.ts';
import { VolumeBackendError } from './errors.ts';
import type { BackendStats, BlockAccess, ConnectionInfo } from './port.ts';

/** Protocols whose volumes another service can read. Not `ceph`: its key is the hypervisors' and its own service's alone. */
export const READABLE_PROTOCOLS: ReadonlyArray<BackendStats['storageProtocol']> = ['nbd', 'simulated'];

/** @throws VolumeBackendError: `unsupported` for a connection that is not read by services */
export async function openConnection(info: ConnectionInfo): Promise<BlockAccess> {
  switch (info.driver_volume_type) {
    case 'nbd': {
      const { socket_path, host, port, export_name } = info.data;
      if (socket_path !== undefined) return openForeignExport({ path: socket_path }, export_name, 'ro');
      if (host === undefined || port === undefined)
        throw new VolumeBackendError('failed', 'the connection has no address');
      return openForeignExport({ host, port }, export_name, 'ro');
    }
    case 'simulated':
      return openInModel(info.data.store ?? '', info.data.volume_id);
    case 'rbd':
      throw new VolumeBackendError('unsupported', 'a volume in Ceph is not read by other services');
  }
}
