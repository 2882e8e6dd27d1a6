// Resource providers, inventories, traits, usages and allocation candidates, through the client's placement plug-in.
import type { Area } from '../conversation.ts';

export const placement: Area = {
  name: 'placement',
  as: 'newest',
  people: { newest: { like: 'admin', env: { OS_PLACEMENT_API_VERSION: '1.39' } } },
  steps: [
    {
      run: 'resource provider list',
      alone: true,
      rows: [{ uuid: /^[0-9a-f-]{36}$/, name: /./, generation: /\d/ }],
      keep: { host: '0.uuid', hostname: '0.name' },
    },
    { run: 'resource provider list', as: 'admin', rows: [{ uuid: '{host}' }] },
    {
      run: 'resource provider show {host}',
      has: { uuid: '{host}', name: '{hostname}', root_provider_uuid: '{host}', parent_provider_uuid: null },
    },
    {
      run: 'resource provider inventory list {host}',
      rows: [{ resource_class: 'VCPU' }, { resource_class: 'MEMORY_MB' }, { resource_class: 'DISK_GB' }],
    },
    {
      run: 'resource provider inventory show {host} VCPU',
      has: { min_unit: 1, step_size: 1, allocation_ratio: /./ },
    },
    { run: 'resource provider usage show {host}', rows: [{ resource_class: 'VCPU', usage: 0 }] },
    { run: 'resource provider trait list {host}', rows: [{ name: /^[A-Z]/ }] },
    { run: 'resource provider list --resource VCPU=1 --resource MEMORY_MB=64', rows: [{ uuid: '{host}' }] },
    { run: 'resource provider list --resource MEMORY_MB=99999999', count: 0 },
    {
      run: 'allocation candidate list --resource VCPU=1 --resource MEMORY_MB=64',
      rows: [{ 'resource provider': '{host}', allocation: /VCPU=1/ }],
    },
    { run: 'allocation candidate list --resource VCPU=100000', count: 0 },

    { run: 'resource class list', rows: [{ name: 'VCPU' }, { name: 'MEMORY_MB' }] },
    { run: 'resource class create CUSTOM_GPU' },
    { run: 'resource class show CUSTOM_GPU', has: { name: 'CUSTOM_GPU' } },
    { run: 'resource class create GPU', fails: /CUSTOM_|400/ },
    { run: 'trait create CUSTOM_FAST' },
    { run: 'trait list --name in:CUSTOM_FAST', rows: [{ name: 'CUSTOM_FAST' }], count: 1 },
    { run: 'trait show CUSTOM_FAST', has: { name: 'CUSTOM_FAST' } },
    { run: 'trait show CUSTOM_SLOW', fails: /404|No such trait|CUSTOM_SLOW/ },
    { run: 'trait list', rows: [{ name: 'HW_CPU_X86_AVX2' }] },

    { run: 'resource provider create rack', has: { name: 'rack', generation: 0 }, keep: { rack: 'uuid' } },
    { run: 'resource provider create rack', fails: /409|already exists|Conflict/ },
    {
      run: 'resource provider create --parent-provider {rack} shelf',
      has: { parent_provider_uuid: '{rack}', root_provider_uuid: '{rack}' },
      keep: { shelf: 'uuid' },
    },
    { run: 'resource provider set --name board {shelf}', has: { name: 'board' } },
    { run: 'resource provider list --name board', rows: [{ uuid: '{shelf}' }], count: 1 },
    {
      run: 'resource provider inventory set --resource CUSTOM_GPU=8 --resource CUSTOM_GPU:max_unit=4 {shelf}',
      rows: [{ resource_class: 'CUSTOM_GPU', total: 8, max_unit: 4 }],
    },
    {
      run: 'resource provider inventory class set --total 6 --reserved 1 {shelf} CUSTOM_GPU',
      has: { total: 6, reserved: 1 },
    },
    { run: 'resource provider inventory set --resource NOTHING=1 {shelf}', fails: /NOTHING|400/ },
    {
      run: 'resource provider trait set --trait CUSTOM_FAST {shelf}',
      rows: [{ name: 'CUSTOM_FAST' }],
      count: 1,
    },
    { run: 'trait list --associated --name in:CUSTOM_FAST', count: 1 },
    { run: 'trait delete CUSTOM_FAST', fails: /in use|409/ },
    {
      run: 'allocation candidate list --resource CUSTOM_GPU=2 --required CUSTOM_FAST',
      rows: [{ 'resource provider': '{shelf}', allocation: 'CUSTOM_GPU=2' }],
      count: 1,
    },
    { run: 'allocation candidate list --resource CUSTOM_GPU=2 --forbidden CUSTOM_FAST', count: 0 },
    {
      run: 'resource provider aggregate set --generation 3 --aggregate 0c4b5d90-6d9d-4d4f-9f4b-3a7f3c1f0001 {shelf}',
      rows: [{ uuid: '0c4b5d90-6d9d-4d4f-9f4b-3a7f3c1f0001' }],
    },
    {
      run: 'resource provider aggregate list {shelf}',
      rows: [{ uuid: '0c4b5d90-6d9d-4d4f-9f4b-3a7f3c1f0001' }],
      count: 1,
    },
    {
      run: 'resource provider allocation set --allocation rp={shelf},CUSTOM_GPU=2 --project-id 11111111111111111111111111111111 --user-id 22222222222222222222222222222222 --consumer-type INSTANCE 0c4b5d90-6d9d-4d4f-9f4b-3a7f3c1f0002',
      rows: [{ resource_provider: '{shelf}', resources: { CUSTOM_GPU: 2 } }],
    },
    {
      run: 'resource provider allocation set --allocation rp={shelf},CUSTOM_GPU=4 --project-id 11111111111111111111111111111111 --user-id 22222222222222222222222222222222 --consumer-type INSTANCE 0c4b5d90-6d9d-4d4f-9f4b-3a7f3c1f0003',
      fails: /409|Unable to allocate/,
    },
    { run: 'resource provider usage show {shelf}', rows: [{ resource_class: 'CUSTOM_GPU', usage: 2 }] },
    {
      run: 'resource provider allocation show 0c4b5d90-6d9d-4d4f-9f4b-3a7f3c1f0002',
      rows: [{ resource_provider: '{shelf}', resources: { CUSTOM_GPU: 2 } }],
      count: 1,
    },
    {
      run: 'resource provider show --allocations {shelf}',
      has: { allocations: { '0c4b5d90-6d9d-4d4f-9f4b-3a7f3c1f0002': { resources: { CUSTOM_GPU: 2 } } } },
    },
    {
      run: 'resource usage show 11111111111111111111111111111111',
      rows: [{ resource_class: 'INSTANCE', usage: { consumer_count: 1, CUSTOM_GPU: 2 } }],
    },
    { run: 'resource provider inventory delete {shelf} --resource-class CUSTOM_GPU', fails: /in use|409/ },
    { run: 'resource provider delete {shelf}', fails: /allocations|409/ },
    { run: 'resource provider allocation delete 0c4b5d90-6d9d-4d4f-9f4b-3a7f3c1f0002' },
    { run: 'resource provider usage show {shelf}', rows: [{ resource_class: 'CUSTOM_GPU', usage: 0 }] },
    { run: 'resource provider inventory delete {shelf} --resource-class CUSTOM_GPU' },
    { run: 'resource provider inventory list {shelf}', count: 0 },
    { run: 'resource provider trait delete {shelf}' },
    { run: 'trait delete CUSTOM_FAST' },
    { run: 'resource class delete CUSTOM_GPU' },
    { run: 'resource provider delete {rack}', fails: /children|409|parent/ },
    { run: 'resource provider delete {shelf}' },
    { run: 'resource provider delete {rack}' },
    { run: 'resource provider list', lacks: [{ uuid: '{rack}' }] },
    { run: 'resource provider show {rack}', fails: /404|No resource provider/ },
    { run: 'resource provider list', as: 'demo', fails: /403|not authorized|Forbidden|policy/i },
  ],
};
