// Lists hosts by service, shows what one has, and enables or disables it.
import { listZonesByHost } from '#compute/availability-zones/store.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { NotFound, NotOffered } from '#compute/errors.ts';
import { listHypervisors } from '#compute/hypervisors/store.ts';
import { nodeSums } from '#compute/hypervisors/view.ts';
import { listServices, updateService, type NumberedService } from '#compute/services/store.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { listUseByProject, type Use } from './store.ts';

/** With `zone`, only those in it; an empty one means all. */
export async function list(call: Call, { db, config }: ComputeDeps): Promise<unknown> {
  const services = await listServices(db.kysely);
  const zones = await listZonesByHost(db.kysely);
  const wanted = call.query.get('zone');
  const hosts = services.map(({ host, binary }) => ({
    host_name: host,
    service: binary.replace(/^nova-/, ''),
    zone: binary === 'nova-compute' ? (zones.get(host) ?? config.defaultAvailabilityZone) : 'internal',
  }));
  return { hosts: hosts.filter(({ zone }) => !wanted || zone === wanted) };
}

export async function show(call: Call, { db }: ComputeDeps): Promise<unknown> {
  const host = call.params['host'] ?? '';
  const hypervisor = (await listHypervisors(db.kysely)).find(({ node }) => node.host === host);
  if (!hypervisor) throw absent(host);
  const sums = nodeSums(hypervisor.node, hypervisor.use);
  const projects = await listUseByProject(db.kysely, host);
  const row = (project: string, use: Use): unknown => ({ resource: { host, project, ...use } });
  const { vcpus, memoryMb, diskGb } = hypervisor.use;
  return {
    host: [
      row('(total)', { cpu: sums.vcpus, memory_mb: sums.memory_mb, disk_gb: sums.local_gb }),
      row('(used_now)', {
        cpu: sums.vcpus_used,
        memory_mb: sums.memory_mb_used,
        disk_gb: sums.local_gb_used,
      }),
      row('(used_max)', { cpu: vcpus, memory_mb: memoryMb, disk_gb: diskGb }),
      ...[...projects].map(([project, use]) => row(project, use)),
    ],
  };
}

interface Body {
  readonly status?: string;
  readonly maintenance_mode?: string;
}

export async function update(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { status, maintenance_mode } = call.body as Body;
  const service = await requireHost(call, deps);
  if (maintenance_mode !== undefined) throw new NotOffered('Hosts have no maintenance mode.');
  const enabled = status?.trim().toLowerCase() === 'enable';
  await updateService(deps.db.kysely, service.id, {
    disabled: enabled ? 0 : 1,
    disabled_reason: null,
    updated_at: isoTime(deps.clock),
  });
  return { host: service.host, status: enabled ? 'enabled' : 'disabled' };
}

/** Hypervisors of this kind never could switch their host on or off. */
export async function refusePowerAction(call: Call, deps: ComputeDeps): Promise<never> {
  await requireHost(call, deps);
  throw new NotOffered('The hypervisor does not start, stop or reboot its host.');
}

async function requireHost(call: Call, { db }: ComputeDeps): Promise<NumberedService> {
  const name = call.params['host'] ?? '';
  const services = await listServices(db.kysely);
  const service = services.find(({ host, binary }) => host === name && binary === 'nova-compute');
  if (!service) throw absent(name);
  return service;
}

const absent = (host: string): NotFound =>
  new NotFound(`Compute host ${host.slice(0, 255)} could not be found.`, 'no-such-host');
