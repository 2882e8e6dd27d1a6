// Images: create from a file, list, show, save, set, delete, share; and what is refused.
import type { Area } from '../conversation.ts';
import { STRANGER, strangerArrives } from './stranger.ts';

const DISK = new Uint8Array(1024 * 1024).fill(7);

/** The head of a qcow2 image whose backing file would be the host's own. */
function qcow2WithBackingFile(path: string): Uint8Array {
  const image = Buffer.alloc(64 * 1024);
  image.write('QFI\u00fb', 'latin1');
  image.writeUInt32BE(3, 4);
  image.writeBigUInt64BE(1024n, 8);
  image.writeUInt32BE(path.length, 16);
  image.writeUInt32BE(16, 20);
  image.writeBigUInt64BE(1024n * 1024n, 24);
  image.writeUInt32BE(104, 100);
  image.write(path, 1024, 'latin1');
  return image;
}

export const image: Area = {
  name: 'image',
  as: 'demo',
  people: { stranger: STRANGER },
  files: { 'disk.raw': DISK, 'backed.qcow2': qcow2WithBackingFile('/etc/shadow') },
  steps: [
    ...strangerArrives,
    { run: 'image list', alone: true, rows: [{ Name: 'pileus-demo', Status: 'active' }] },
    {
      run: 'image show pileus-demo',
      has: { name: 'pileus-demo', visibility: 'public', status: 'active', checksum: /^[0-9a-f]{32}$/ },
    },
    {
      run: 'image create --disk-format raw --container-format bare --min-disk 1 --min-ram 64 --property hw_disk_bus=virtio --tag red --file {dir}/disk.raw disk',
      has: {
        name: 'disk',
        disk_format: 'raw',
        container_format: 'bare',
        min_disk: 1,
        min_ram: 64,
        status: /active|queued|saving/,
        tags: ['red'],
        visibility: 'shared',
      },
      keep: { disk: 'id' },
    },
    {
      run: 'image show disk',
      has: {
        id: '{disk}',
        status: 'active',
        size: DISK.length,
        checksum: '24c8b42e9f4d53ef58987e469baaad49',
        properties: { hw_disk_bus: 'virtio', os_hash_algo: 'sha512', os_hash_value: /^[0-9a-f]{128}$/ },
      },
    },
    {
      run: 'image list --name disk --long',
      rows: [
        { ID: '{disk}', 'Disk Format': 'raw', Size: DISK.length, Visibility: 'shared', Protected: false },
      ],
      count: 1,
    },
    { run: 'image list --tag red', rows: [{ ID: '{disk}' }], count: 1 },
    { run: 'image list --property hw_disk_bus=virtio', rows: [{ ID: '{disk}' }] },
    { run: 'image list --public', rows: [{ Name: 'pileus-demo' }], lacks: [{ Name: 'disk' }] },
    { run: 'image list --status active --sort name:desc --limit 1', count: 1 },
    { run: 'image save --file {dir}/saved disk' },
    {
      run: 'image create --disk-format raw --file {dir}/saved again',
      has: { status: /./ },
      keep: { again: 'id' },
    },
    { run: 'image show again', has: { checksum: '24c8b42e9f4d53ef58987e469baaad49' } },
    { run: 'image set --name disc --property os_distro=debian --min-ram 128 --tag blue --protected disk' },
    {
      run: 'image show disc',
      has: {
        id: '{disk}',
        min_ram: 128,
        protected: true,
        tags: ['blue', 'red'],
        properties: { os_distro: 'debian', hw_disk_bus: 'virtio' },
      },
    },
    { run: 'image unset --property os_distro --tag red disc' },
    {
      run: 'image show disc',
      has: { tags: ['blue'], properties: (all) => !('os_distro' in (all as object)) },
    },
    { run: 'image delete disc', fails: /protected[\s\S]*Failed to delete 1 of 1 images/ },
    { run: 'image set --unprotected disc' },
    { run: 'image set --deactivate disc', as: 'admin' },
    { run: 'image show disc', has: { status: 'deactivated' } },
    { run: 'image save --file {dir}/never disc', fails: /Unable to download image/ },
    { run: 'image set --activate disc', as: 'admin' },
    { run: 'image show disc', has: { status: 'active' } },

    { run: 'image show {disk}', as: 'stranger', fails: /No Image found for [0-9a-f-]{36}/ },
    { run: 'image delete {disk}', as: 'stranger', fails: /No Image found for|Failed to delete 1 of 1/ },
    {
      run: 'image add project disc {strangerProject}',
      has: { member_id: '{strangerProject}', image_id: '{disk}', status: 'pending' },
    },
    {
      run: 'image member list disc',
      rows: [{ 'Member ID': '{strangerProject}', Status: 'pending' }],
      count: 1,
    },
    { run: 'image set --accept {disk}', as: 'stranger' },
    { run: 'image list', as: 'stranger', rows: [{ ID: '{disk}', Name: 'disc' }] },
    { run: 'image remove project disc {strangerProject}' },
    { run: 'image list', as: 'stranger', lacks: [{ ID: '{disk}' }] },
    { run: 'image set --public disc', fails: /403|Forbidden|not permitted|policy/i },
    { run: 'image set --public disc', as: 'admin' },
    { run: 'image list', as: 'stranger', rows: [{ ID: '{disk}' }] },

    {
      run: 'image create --disk-format qcow2 --file {dir}/backed.qcow2 backed',
      fails: /backing|refers to another file|400|415/i,
    },
    { run: 'image create --disk-format qcow2 --file {dir}/disk.raw liar', fails: /qcow2|format|400|415/i },
    {
      run: 'image list',
      lacks: [
        { Name: 'backed', Status: 'active' },
        { Name: 'liar', Status: 'active' },
      ],
    },
    {
      run: 'image create --import --disk-format raw --container-format bare --file {dir}/disk.raw imported',
      has: { name: 'imported' },
      keep: { imported: 'id' },
    },
    {
      run: 'image show {imported}',
      withinMs: 10_000,
      has: {
        status: 'active',
        size: DISK.length,
        checksum: '24c8b42e9f4d53ef58987e469baaad49',
        properties: { stores: 'file', os_glance_failed_import: '', os_glance_importing_to_stores: '' },
      },
    },
    { run: 'image create --import --disk-format qcow2 --container-format bare --file {dir}/disk.raw untrue' },
    {
      run: 'image show untrue',
      withinMs: 10_000,
      has: { status: 'queued', properties: { os_glance_failed_import: 'file' } },
    },
    { run: 'image delete imported untrue' },
    { run: 'image create --disk-format floppy liar', fails: /invalid choice: 'floppy'/ },
    { run: 'image create --file {dir}/absent liar', fails: /absent/ },
    { run: 'image show nothing', fails: /No Image found for nothing/ },
    { run: 'image save --file {dir}/never {strangerProject}', fails: /NoneType|No Image found/ },
    { run: 'image delete again disc' },
    { run: 'image list', lacks: [{ ID: '{disk}' }, { ID: '{again}' }] },
    { run: 'image show {disk}', fails: /No Image found for/ },
  ],
};
