// `/extensions`: the parts of the API that were extensions once, which older clients look up before they use them.
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { NotFound } from '#compute/errors.ts';
import type { Call } from '#platform/http/api.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';

export const extensionPolicies: readonly PolicyRule[] = [
  {
    name: 'os_compute_api:extensions',
    check: '@',
    description: 'List the extensions of the API.',
    scopes: ['project'],
  },
];

const EXTENSIONS: ReadonlyArray<readonly [alias: string, name: string, description: string]> = [
  ['NMN', 'Multinic', 'Several interfaces a server.'],
  ['OS-DCF', 'DiskConfig', 'Control over how a disk is partitioned.'],
  ['OS-EXT-AZ', 'ExtendedAvailabilityZone', 'The zone of a server.'],
  ['OS-EXT-IPS', 'ExtendedIps', 'The type of a server address.'],
  ['OS-EXT-IPS-MAC', 'ExtendedIpsMac', 'The MAC of a server address.'],
  ['OS-EXT-SRV-ATTR', 'ExtendedServerAttributes', 'Host, hypervisor and instance name of a server.'],
  ['OS-EXT-STS', 'ExtendedStatus', 'Task, power and VM state of a server.'],
  ['OS-FLV-DISABLED', 'FlavorDisabled', 'Flavors that cannot be used any more.'],
  ['OS-FLV-EXT-DATA', 'FlavorExtraData', 'Ephemeral disk of a flavor.'],
  ['OS-SCH-HNT', 'SchedulerHints', 'Hints to the scheduler at the creation of a server.'],
  ['OS-SRV-USG', 'ServerUsage', 'Launch and end time of a server.'],
  ['os-admin-actions', 'AdminActions', 'What administrators do with servers.'],
  ['os-aggregates', 'Aggregates', 'Groups of hosts.'],
  ['os-attach-interfaces', 'AttachInterfaces', 'Interfaces of a server that is there already.'],
  ['os-availability-zone', 'AvailabilityZone', 'Zones, and the zone of a new server.'],
  ['os-config-drive', 'ConfigDrive', 'A drive with the metadata of a server.'],
  ['os-console-output', 'ConsoleOutput', 'The log of the serial console.'],
  ['os-consoles', 'Consoles', 'Consoles of a server.'],
  ['os-extended-quotas', 'ExtendedQuotas', 'Deletion of quotas, and forced changes.'],
  ['os-extended-volumes', 'ExtendedVolumes', 'The volumes of a server.'],
  ['os-flavor-access', 'FlavorAccess', 'Flavors for some projects only.'],
  ['os-flavor-extra-specs', 'FlavorExtraSpecs', 'What a flavor asks of hosts.'],
  ['os-flavor-manage', 'FlavorManage', 'Creation and deletion of flavors.'],
  ['os-floating-ip-pools', 'FloatingIpPools', 'Networks that floating IPs come from, until 2.35.'],
  ['os-floating-ips', 'FloatingIps', 'Floating IPs, until 2.35.'],
  ['os-hosts', 'Hosts', 'Hosts, what they have and what of it is used.'],
  ['os-hypervisors', 'Hypervisors', 'Compute nodes and what is used of them.'],
  ['os-instance-actions', 'InstanceActions', 'What has been done with a server, step by step.'],
  [
    'os-instance_usage_audit_log',
    'OSInstanceUsageAuditLog',
    'Which hosts have told of the use of their servers.',
  ],
  ['os-keypairs', 'Keypairs', 'Public keys for new servers.'],
  ['os-lock-server', 'LockServer', 'Locks on servers.'],
  ['os-migrations', 'Migrations', 'Moves of servers.'],
  ['os-multiple-create', 'MultipleCreate', 'Several servers by one request.'],
  ['os-networks', 'Networks', 'Networks that the caller sees, until 2.35.'],
  ['os-pause-server', 'PauseServer', 'Pause of servers.'],
  ['os-quota-class-sets', 'QuotaClasses', 'Limits of a class of projects.'],
  ['os-quota-sets', 'Quotas', 'Limits of a project.'],
  ['os-security-groups', 'SecurityGroups', 'Security groups, until 2.35, and those of servers.'],
  ['os-server-diagnostics', 'ServerDiagnostics', 'What a hypervisor knows of a server.'],
  ['os-server-external-events', 'ServerExternalEvents', 'Events that other services tell.'],
  ['os-server-groups', 'ServerGroups', 'Servers that belong together or apart.'],
  ['os-server-password', 'ServerPassword', 'The encrypted password of a server.'],
  ['os-server-start-stop', 'ServerStartStop', 'Start and stop of servers.'],
  ['os-services', 'Services', 'Services of compute.'],
  ['os-simple-tenant-usage', 'SimpleTenantUsage', 'Hours used by projects.'],
  ['os-suspend-server', 'SuspendServer', 'Suspension of servers.'],
  ['os-tenant-networks', 'OSTenantNetworks', 'Networks of a project, until 2.35.'],
  ['os-used-limits', 'UsedLimits', 'What is used of the limits.'],
  ['os-user-data', 'UserData', 'Data for the first boot of a server.'],
  ['os-volumes', 'Volumes', 'Volumes of servers, and until 2.35 all volumes and snapshots.'],
];

const VIEWS = EXTENSIONS.map(([alias, name, description]) => ({
  alias,
  name,
  description,
  links: [],
  namespace: 'http://docs.openstack.org/compute/ext/fake_xml',
  updated: '2014-12-03T00:00:00Z',
}));

const path = '/v2.1/extensions';
const policy = 'os_compute_api:extensions';

export const extensionRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: async () => ({ extensions: VIEWS }), policy },
  { method: 'GET', path: `${path}/:alias`, handler: show, policy },
];

async function show(call: Call, _deps: ComputeDeps): Promise<unknown> {
  const extension = VIEWS.find((each) => each.alias === call.params['alias']);
  if (!extension) throw new NotFound('The resource could not be found.', 'no-such-extension');
  return { extension };
}
