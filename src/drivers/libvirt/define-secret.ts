// Gives libvirt a key for storage or for a disk's encryption. Called when somebody asks for it, and at each connection: a
// libvirtd that was started again has forgotten what it kept in memory.
import type { LibvirtClient } from '#platform/libvirt/client.ts';
import * as libvirt from '#platform/libvirt/procedures.ts';
import type { StorageSecret } from './port.ts';
import { element, renderXml } from './xml.ts';

export async function defineSecret(
  client: LibvirtClient,
  { id, usage, value, purpose = 'ceph' }: StorageSecret,
): Promise<void> {
  const xml = renderXml(
    element(
      'secret',
      // Ephemeral: never written to a disk. Private: never told to a client.
      { ephemeral: 'yes', private: 'yes' },
      element('uuid', {}, id),
      element('usage', { type: purpose }, element(purpose === 'ceph' ? 'name' : 'volume', {}, usage)),
    ),
  );
  const secret = await client.call(libvirt.secretDefineXml, { xml, flags: 0 });
  await client.call(libvirt.secretSetValue, { secret, value });
}
