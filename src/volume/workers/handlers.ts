// POST /workers/cleanup: finds the services that the request is about, and tells each that is there, or a member of its
// cluster, to end what it has left.
import { rpcClient, type Message } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import { listRunning } from '#volume/operations/store.ts';
import { VOLUME_SCHEDULER_QUEUE, volumeQueue, type CleanUpMessage, type ServiceRpc } from '#volume/rpc.ts';
import { isTrue } from '#volume/schema-types.ts';
import { fitsName, loadServices, type KnownService } from '../os-services/known-services.ts';

interface Body {
  readonly cluster_name?: string | null;
  readonly host?: string | null;
  readonly binary?: string;
  readonly service_id?: number | string | null;
  readonly is_up?: boolean | string;
  readonly disabled?: boolean | string;
  readonly resource_id?: string | null;
  readonly resource_type?: string | null;
}

const TYPES: readonly unknown[] = ['volume', 'snapshot'];

export async function cleanUpWorkers(call: Call, deps: VolumeDeps): Promise<unknown> {
  const body = call.body as Body;
  const until = isoTime(deps.clock);
  const resource_type = (body.resource_type || null)?.toLowerCase() ?? null;
  if (resource_type !== null && !TYPES.includes(resource_type))
    throw new InvalidInput('Resource type not valid, must be Volume or Snapshot.');
  const resource: Omit<CleanUpMessage, 'host'> = {
    resource_type: resource_type as CleanUpMessage['resource_type'],
    resource_id: body.resource_id?.toLowerCase() ?? null,
    until,
  };
  const services = await loadServices(deps);
  const located = 'service_id' in body || 'cluster_name' in body || 'host' in body;
  const owner = resource.resource_id !== null && !located ? await ownerOf(deps, resource) : undefined;
  const wanted = services.filter(
    (service) => fits(service, body) && (owner === undefined || isOwner(service, owner.host)),
  );
  const cleaning: KnownService[] = [];
  const unavailable: KnownService[] = [];
  const messages: Message[] = [];
  for (const service of wanted) {
    const by = service.row.binary === 'cinder-scheduler' ? service : standIn(services, service);
    (by ? cleaning : unavailable).push(service);
    if (by) messages.push(messageTo(deps, by, service, resource));
  }
  await deps.db.transaction(async (trx) => {
    for (const message of messages) await enqueue(trx, message);
  });
  return { cleaning: cleaning.map(view), unavailable: unavailable.map(view) };
}

/** The operation on the resource. @throws InvalidInput unless there is just one */
async function ownerOf(
  deps: VolumeDeps,
  resource: Omit<CleanUpMessage, 'host'>,
): Promise<{ readonly host: string | null }> {
  const [first, ...more] = await listRunning(deps.db.kysely, resource);
  if (!first)
    throw new InvalidInput(`There is no resource with UUID ${resource.resource_id} pending cleanup.`);
  if (more.length > 0)
    throw new InvalidInput(
      `There are multiple resources with UUID ${resource.resource_id} pending cleanup. Please be more specific.`,
    );
  return first;
}

const isOwner = ({ row }: KnownService, host: string | null): boolean =>
  host === null ? row.binary === 'cinder-scheduler' : row.binary === 'cinder-volume' && row.host === host;

/** What is up is not cleaned up unless it is asked for. */
function fits({ id, row, up, disabled }: KnownService, body: Body): boolean {
  return (
    (!body.service_id || Number(body.service_id) === id) &&
    (!body.cluster_name || fitsName(row.cluster_name, body.cluster_name)) &&
    (!body.host || fitsName(row.host, body.host)) &&
    (body.binary === undefined || row.binary === body.binary) &&
    isTrue(body.is_up ?? false) === up &&
    (body.disabled === undefined || isTrue(body.disabled) === disabled)
  );
}

/** The service itself, or who of its cluster is up. */
function standIn(services: readonly KnownService[], service: KnownService): KnownService | undefined {
  if (service.up) return service;
  const { cluster_name } = service.row;
  return cluster_name === null
    ? undefined
    : services.find(({ row, up }) => up && row.cluster_name === cluster_name);
}

/** A scheduler that is down is stood in for by any that is there: the choice is made on one queue. */
function messageTo(
  { bus }: VolumeDeps,
  by: KnownService,
  { row }: KnownService,
  resource: Omit<CleanUpMessage, 'host'>,
): Message {
  const ofScheduler = row.binary === 'cinder-scheduler';
  const queue = ofScheduler ? VOLUME_SCHEDULER_QUEUE : volumeQueue(by.row.host);
  return rpcClient<ServiceRpc>(bus, queue).message('cleanUp', {
    ...resource,
    host: ofScheduler ? null : row.host,
  });
}

const view = ({ id, row }: KnownService): Record<string, unknown> => ({
  id,
  host: row.host,
  binary: row.binary,
  cluster_name: row.cluster_name,
});
