// Lists, steers and removes compute services.
import { listZonesByHost } from '#compute/availability-zones/store.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { Conflict, InvalidInput, NotFound } from '#compute/errors.ts';
import { isTrue, UUID_PATTERN } from '#compute/schema-types.ts';
import { refuseUnknownQuery } from '#compute/strict-query.ts';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { countServers, listServices, removeService, updateService, type NumberedService } from './store.ts';
import { serviceView } from './view.ts';

export async function list(call: Call, deps: ComputeDeps): Promise<unknown> {
  refuseUnknownQuery(call, '2.75', ['host', 'binary']);
  const [host, binary] = [call.query.get('host'), call.query.get('binary')];
  const services = await listServices(deps.db.kysely);
  const shown = services.filter(
    (each) => (!host || each.host === host) && (!binary || each.binary === binary),
  );
  return { services: await viewAll(call, deps, shown) };
}

async function viewAll(
  call: Call,
  { db, clock, config }: ComputeDeps,
  services: readonly NumberedService[],
): Promise<unknown[]> {
  const zones = await listZonesByHost(db.kysely);
  return services.map((service) =>
    serviceView(service, {
      zone:
        service.binary === 'nova-compute'
          ? (zones.get(service.host) ?? config.defaultAvailabilityZone)
          : 'internal',
      now: clock.now(),
      version: call.microversion,
    }),
  );
}

interface Named {
  readonly host: string;
  readonly binary: string;
  readonly disabled_reason?: string;
  readonly forced_down?: boolean | string;
}

async function getNamed(call: Call, { db }: ComputeDeps): Promise<NumberedService> {
  const { host, binary } = call.body as Named;
  const service = (await listServices(db.kysely)).find(
    (each) => each.host === host && each.binary === binary,
  );
  if (!service) throw new NotFound(`Could not find binary ${binary} on host ${host}.`, 'no-such-service');
  return service;
}

export async function enable(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { id, host, binary } = await getNamed(call, deps);
  await updateService(deps.db.kysely, id, {
    disabled: 0,
    disabled_reason: null,
    updated_at: isoTime(deps.clock),
  });
  return { service: { host, binary, status: 'enabled' } };
}

export async function disable(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { id, host, binary } = await getNamed(call, deps);
  const reason = (call.body as Named).disabled_reason;
  await updateService(deps.db.kysely, id, {
    disabled: 1,
    disabled_reason: reason ?? null,
    updated_at: isoTime(deps.clock),
  });
  return {
    service: {
      host,
      binary,
      status: 'disabled',
      ...(reason === undefined ? {} : { disabled_reason: reason }),
    },
  };
}

export async function forceDown(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { id, host, binary } = await getNamed(call, deps);
  const forced_down = isTrue((call.body as Named).forced_down);
  await updateService(deps.db.kysely, id, {
    forced_down: forced_down ? 1 : 0,
    updated_at: isoTime(deps.clock),
  });
  return { service: { host, binary, forced_down } };
}

async function getById(call: Call, { db }: ComputeDeps): Promise<NumberedService> {
  const id = call.params['id'] ?? '';
  const byUuid = atLeast(call.microversion, '2.53');
  if (byUuid ? !new RegExp(UUID_PATTERN).test(id) : !/^\d{1,9}$/.test(id))
    throw new InvalidInput(`Invalid ${byUuid ? 'uuid' : 'service id'} ${id.slice(0, 255)}`);
  const service = (await listServices(db.kysely)).find((each) =>
    byUuid ? each.id === id : each.number === Number(id),
  );
  if (!service) throw new NotFound(`Service ${id} could not be found.`, 'no-such-service');
  return service;
}

export async function update(call: Call, deps: ComputeDeps): Promise<unknown> {
  const service = await getById(call, deps);
  const body = call.body as {
    status?: 'enabled' | 'disabled';
    disabled_reason?: string;
    forced_down?: boolean | string;
  };
  if (service.binary !== 'nova-compute')
    throw new InvalidInput(
      `Updating a ${service.binary} service is not supported. Only nova-compute services can be updated.`,
    );
  if (Object.keys(body).length === 0)
    throw new InvalidInput(
      'No updates were requested. Fields status, disabled_reason or forced_down can be given.',
    );
  if (body.disabled_reason !== undefined && body.status !== 'disabled')
    throw new InvalidInput("Specifying disabled_reason when status is 'enabled' is invalid.");
  const changes = {
    ...(body.status === undefined
      ? {}
      : { disabled: body.status === 'disabled' ? 1 : 0, disabled_reason: body.disabled_reason ?? null }),
    ...(body.forced_down === undefined ? {} : { forced_down: isTrue(body.forced_down) ? 1 : 0 }),
    updated_at: isoTime(deps.clock),
  };
  await updateService(deps.db.kysely, service.id, changes);
  const [view] = await viewAll(call, deps, [{ ...service, ...changes }]);
  return { service: view };
}

export async function remove(call: Call, deps: ComputeDeps): Promise<Reply> {
  const service = await getById(call, deps);
  await deps.db.transaction(async (trx) => {
    if (service.binary === 'nova-compute' && (await countServers(trx, service.host)) > 0)
      throw new Conflict(
        'Unable to delete compute service that is hosting instances. Migrate or delete the instances first.',
        'service-in-use',
      );
    await removeService(trx, service);
  });
  return new Reply(204);
}
