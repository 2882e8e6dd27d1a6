// The config drive of an instance: the metadata tree as a small disk, for guests without DHCP and for secrets.
import type { HostDeps } from '../deps.ts';
import type { ActionRef } from '../../rpc.ts';
import type { Vif } from '../../tables.ts';
import { instancePaths } from '../paths.ts';
import { ec2Tree, openstackFiles, OPENSTACK_VERSIONS, type Ec2Tree } from './documents.ts';

/** Writes it for the action under way; the entry is read again, since the launch record holds no secrets. */
export async function writeInstanceConfigDrive(
  deps: HostDeps,
  action: ActionRef,
  vifs: readonly Vif[],
  place: 'configDrive' | 'rescueDrive' = 'configDrive',
): Promise<void> {
  const entry = await deps.conductor.call('getEntry', { instance_id: action.instance_id });
  if (!entry) return;
  const source = { entry, vifs, ...(entry.admin_password ? { adminPassword: entry.admin_password } : {}) };
  const documents = openstackFiles(source);
  const files = new Map<string, string | Buffer>();
  for (const version of OPENSTACK_VERSIONS)
    for (const [name, body] of documents) files.set(`openstack/${version}/${name}`, body);
  files.set('ec2/latest/meta-data.json', JSON.stringify(plain(ec2Tree(source).get('meta-data') as Ec2Tree)));
  if (entry.user_data) files.set('ec2/latest/user-data', Buffer.from(entry.user_data, 'base64'));
  await deps.configDrives.write({
    target: instancePaths(deps.config, entry.id)[place],
    files,
    modified: new Date(deps.clock.now()),
  });
}

function plain(tree: Ec2Tree): Record<string, unknown> {
  return Object.fromEntries(
    [...tree].map(([name, value]) => [name, typeof value === 'string' ? value : plain(value)]),
  );
}
