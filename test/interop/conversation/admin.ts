// What operators ask of compute: services, hypervisors, aggregates, zones, quotas, limits, usage.
import type { Area } from '../conversation.ts';
import { STRANGER, strangerArrives } from './stranger.ts';

export const admin: Area = {
  name: 'admin',
  as: 'admin',
  people: { stranger: STRANGER },
  steps: [
    ...strangerArrives,
    {
      run: 'compute service list',
      alone: true,
      rows: [{ Binary: 'nova-compute', Status: 'enabled', State: 'up', Zone: 'nova' }],
      keep: { host: '0.Host' },
    },
    {
      run: 'compute service list --service nova-compute',
      rows: [{ Binary: 'nova-compute' }],
      keep: { host: '0.Host', service: '0.ID' },
    },
    { run: 'compute service set --disable --disable-reason "a new disk" {host} nova-compute' },
    {
      run: 'compute service list --long --service nova-compute',
      rows: [{ Host: '{host}', Status: 'disabled', 'Disabled Reason': 'a new disk' }],
    },
    { run: 'compute service set --enable {host} nova-compute' },
    {
      run: 'compute service list --long --service nova-compute',
      rows: [{ Host: '{host}', Status: 'enabled' }],
    },
    {
      run: 'compute service set --disable nowhere nova-compute',
      fails: /nowhere|not found|Compute service/i,
    },
    { run: 'compute service set --down {host} nova-compute' },
    { run: 'compute service list --service nova-compute', rows: [{ Host: '{host}', State: 'down' }] },
    { run: 'compute service set --up {host} nova-compute' },
    {
      run: 'compute service list --service nova-compute',
      rows: [{ Host: '{host}', State: 'up' }],
      withinMs: 10_000,
    },
    { run: 'compute service list', as: 'stranger', fails: /403|Policy/ },

    {
      run: 'hypervisor list',
      rows: [{ 'Hypervisor Hostname': '{host}', 'Hypervisor Type': /^(QEMU|simulated)$/, State: 'up' }],
      keep: { hypervisor: '0.ID' },
    },
    { run: 'hypervisor list --long', rows: [{ 'Hypervisor Hostname': '{host}' }] },
    { run: 'hypervisor list --matching {host}', rows: [{ 'Hypervisor Hostname': '{host}' }] },
    {
      run: 'hypervisor list --matching nowhere',
      fails: /No hypervisor matching 'nowhere' could be found|404/,
    },
    {
      run: 'hypervisor show {host}',
      has: { hypervisor_hostname: '{host}', status: 'enabled', state: 'up', service_host: '{host}' },
    },
    {
      run: 'hypervisor stats show',
      has: { count: (count) => Number(count) >= 1, memory_mb: /\d+/, vcpus: /\d+/ },
    },
    { run: 'hypervisor list', as: 'stranger', fails: /403|Policy/ },

    { run: 'availability zone list --compute', rows: [{ 'Zone Name': 'nova', 'Zone Status': 'available' }] },
    {
      run: 'availability zone list --compute --long',
      rows: [{ 'Zone Name': 'nova', 'Host Name': '{host}', 'Service Name': 'nova-compute' }],
    },
    {
      run: 'availability zone list --compute',
      as: 'stranger',
      rows: [{ 'Zone Name': 'nova', 'Zone Status': 'available' }],
    },

    {
      run: 'aggregate create --zone east --property ssd=true fast',
      has: { name: 'fast', availability_zone: 'east', properties: { ssd: 'true' } },
      keep: { aggregate: 'id' },
    },
    { run: 'aggregate create fast', fails: /already exists/ },
    { run: 'aggregate add host fast {host}', has: { hosts: ['{host}'], name: 'fast' } },
    { run: 'aggregate add host fast {host}', fails: /already|409/ },
    { run: 'aggregate add host fast nowhere', fails: /nowhere|404/ },
    { run: 'availability zone list --compute', rows: [{ 'Zone Name': 'east', 'Zone Status': 'available' }] },
    { run: 'aggregate list', rows: [{ Name: 'fast', 'Availability Zone': 'east' }] },
    {
      run: 'aggregate list --long',
      rows: [{ Name: 'fast', Properties: { ssd: 'true' }, Hosts: ['{host}'] }],
    },
    { run: 'aggregate set --name quick --property nvme=true fast' },
    {
      run: 'aggregate show quick',
      has: { name: 'quick', hosts: ['{host}'], properties: { ssd: 'true', nvme: 'true' } },
    },
    { run: 'aggregate unset --property ssd quick' },
    { run: 'aggregate show quick', has: { properties: (all) => !('ssd' in (all as object)) } },
    { run: 'aggregate delete quick', fails: /not empty|Host aggregate is not empty|failed to delete/i },
    {
      run: 'aggregate remove host quick {host}',
      has: { name: 'quick', hosts: (hosts) => Array.isArray(hosts) && hosts.length === 0 },
    },
    { run: 'aggregate delete quick' },
    { run: 'aggregate list', lacks: [{ Name: 'quick' }] },
    { run: 'aggregate list', as: 'stranger', fails: /403|Policy/ },

    {
      run: 'quota show stranger',
      has: { cores: 20, instances: 10, ram: 51200, networks: 100, 'floating-ips': 50 },
    },
    { run: 'quota set --instances 3 --cores 5 --ram 6000 --floating-ips 2 stranger' },
    { run: 'quota show stranger', has: { instances: 3, cores: 5, ram: 6000, 'floating-ips': 2 } },
    { run: 'quota show', as: 'stranger', has: { instances: 3, cores: 5 } },
    {
      run: 'quota list --compute',
      rows: [{ 'Project ID': '{strangerProject}', Cores: 5, Instances: 3, Ram: 6000 }],
    },
    { run: 'quota list --network', rows: [{ 'Project ID': '{strangerProject}', 'Floating IPs': 2 }] },
    { run: 'quota show --default', has: { cores: 20, instances: 10 } },
    { run: 'quota set --cores -2 stranger', fails: /400|-2/ },
    {
      run: 'quota set --instances 9 stranger',
      as: 'stranger',
      fails: /403|Policy|Forbidden|not authorized/i,
    },
    {
      run: 'limits show --absolute',
      as: 'stranger',
      rows: [
        { Name: 'maxTotalInstances', Value: 3 },
        { Name: 'totalCoresUsed', Value: 0 },
      ],
    },
    { run: 'limits show --rate', as: 'stranger', count: 0 },
    { run: 'usage show -f json', as: 'stranger', text: /"Servers": (""|0|null)/ },
    { run: 'usage list', text: /^\s*$/ },
    { run: 'extension list --compute', rows: [{ Alias: 'os-simple-tenant-usage' }, { Alias: 'NMN' }] },
    {
      run: 'extension list',
      rows: [{ Alias: 'router' }, { Alias: 'NMN' }, { Alias: 'os-quota-sets' }],
      warns: /^Extensions list not supported by Identity API$/m,
    },
    {
      run: 'versions show --service compute',
      rows: [
        { 'Service Type': 'compute', Status: 'SUPPORTED', Version: '2.0' },
        { 'Service Type': 'compute', Status: 'CURRENT', 'Max Microversion': /^2\.\d\d$/ },
      ],
      count: 2,
    },
    {
      run: 'versions show',
      rows: [
        { 'Service Type': 'identity' },
        { 'Service Type': 'image' },
        { 'Service Type': 'network' },
        { 'Service Type': 'placement' },
      ],
    },
  ],
};
