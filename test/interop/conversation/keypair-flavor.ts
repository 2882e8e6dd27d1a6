// Key pairs and flavors, server groups' shapes.
import type { Area } from '../conversation.ts';
import { STRANGER, strangerArrives } from './stranger.ts';

export const PUBLIC_KEY =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f someone@example.org\n';

export const keypairFlavor: Area = {
  name: 'keypair and flavor',
  as: 'demo',
  people: { stranger: STRANGER },
  files: { 'key.pub': PUBLIC_KEY, 'not-a-key': 'hello\n' },
  steps: [
    ...strangerArrives,
    {
      run: 'keypair create --public-key {dir}/key.pub mine',
      has: { name: 'mine', fingerprint: /^[0-9a-f]{2}(:[0-9a-f]{2}){15}$/ },
      keep: { fingerprint: 'fingerprint' },
    },
    { run: 'keypair create --public-key {dir}/key.pub mine', fails: /Key pair 'mine' already exists/ },
    { run: 'keypair create --public-key {dir}/not-a-key odd', fails: /HTTP 400|BadRequest|400/ },
    { run: 'keypair create --public-key {dir}/absent odd', fails: /Key file .*absent not found/ },
    { run: 'keypair list', alone: true, rows: [{ Name: 'mine', Fingerprint: '{fingerprint}' }], count: 1 },
    {
      run: 'keypair show mine',
      has: { name: 'mine', fingerprint: '{fingerprint}', user_id: /^[0-9a-f]{32}$/ },
    },
    { run: 'keypair show --public-key mine', text: /ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgME/ },
    { run: 'keypair list', as: 'stranger', count: 0 },
    { run: 'keypair show mine', as: 'stranger', fails: /No Keypair found for mine|not found|404/ },
    { run: 'keypair create --private-key {dir}/made made', has: { name: 'made', fingerprint: /:/ } },
    { run: 'keypair delete mine made' },
    { run: 'keypair list', count: 0 },
    { run: 'keypair delete mine', fails: /1 of 1 keys failed to delete/ },

    { run: 'flavor list', rows: [{ Name: 'm1.nano', VCPUs: 1 }, { Name: 'm1.large' }] },
    { run: 'flavor list --long', rows: [{ Name: 'm1.nano', 'RXTX Factor': 1 }] },
    {
      run: 'flavor show m1.nano',
      has: {
        name: 'm1.nano',
        vcpus: 1,
        'os-flavor-access:is_public': true,
        'OS-FLV-DISABLED:disabled': false,
      },
    },
    { run: 'flavor show m9.giant', fails: /No Flavor found for m9\.giant/ },
    { run: 'flavor create --ram 64 m0.tiny', fails: /403|Policy|Forbidden/ },
    {
      run: 'flavor create --id tiny --ram 64 --disk 1 --vcpus 2 --ephemeral 0 --swap 0 --property hw:cpu_policy=shared m0.tiny',
      as: 'admin',
      has: {
        id: 'tiny',
        name: 'm0.tiny',
        ram: 64,
        vcpus: 2,
        disk: 1,
        properties: { 'hw:cpu_policy': 'shared' },
      },
    },
    { run: 'flavor create --id tiny --ram 64 again', as: 'admin', fails: /already exists/ },
    { run: 'flavor create --ram 0 again', as: 'admin', fails: /400|ram/i },
    { run: 'flavor set --property hw:mem_page_size=small --description "Very small" tiny', as: 'admin' },
    {
      run: 'flavor show tiny',
      as: 'admin',
      has: {
        description: 'Very small',
        properties: { 'hw:mem_page_size': 'small', 'hw:cpu_policy': 'shared' },
      },
    },
    { run: 'flavor unset --property hw:mem_page_size tiny', as: 'admin' },
    {
      run: 'flavor show tiny',
      as: 'admin',
      has: { properties: (all) => !('hw:mem_page_size' in (all as object)) },
    },
    { run: 'flavor list --min-ram 64 --all', as: 'admin', rows: [{ Name: 'm0.tiny', RAM: 64 }] },
    {
      run: 'flavor create --id secret --private --project stranger --ram 64 --disk 1 --vcpus 1 m0.secret',
      as: 'admin',
      has: { 'os-flavor-access:is_public': false },
    },
    { run: 'flavor list', lacks: [{ Name: 'm0.secret' }] },
    { run: 'flavor list', as: 'stranger', rows: [{ Name: 'm0.secret' }] },
    { run: 'flavor show secret', as: 'admin', has: { access_project_ids: ['{strangerProject}'] } },
    { run: 'flavor unset --project stranger secret', as: 'admin' },
    { run: 'flavor list', as: 'stranger', lacks: [{ Name: 'm0.secret' }] },
    { run: 'flavor delete tiny secret', as: 'admin' },
    { run: 'flavor list --all', as: 'admin', lacks: [{ Name: 'm0.tiny' }, { Name: 'm0.secret' }] },

    { run: 'quota set --key-pairs 0 stranger', as: 'admin' },
    { run: 'keypair create --public-key {dir}/key.pub over', as: 'stranger', fails: /Quota exceeded/ },
  ],
};
