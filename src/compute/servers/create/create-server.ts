// POST /servers: everything is checked first, then one transaction records the servers with the messages that launch
// them. What fails a check leaves no trace.
import { randomInt } from 'node:crypto';
import { Reply, type Call } from '#platform/http/api.ts';
import type { Image } from '#platform/clients/image.ts';
import { rpcClient } from '#platform/bus/bus.ts';
import type { ComputeDeps, ComputeExecutor } from '#compute/deps.ts';
import { isoTime } from '#platform/context/clock.ts';
import { insertDevices, keepDevices } from '#compute/block-devices/store.ts';
import { Conflict, InvalidInput } from '#compute/errors.ts';
import { findKeypair } from '#compute/keypairs/store.ts';
import { linksOf } from '#compute/links.ts';
import { listMembers } from '#compute/server-groups/store.ts';
import { assertQuota, limitsOf, usedByServers } from '#compute/quota-sets/count.ts';
import { SCHEDULER_QUEUE, type SchedulerRpc } from '#compute/rpc.ts';
import {
  POWER_STATE,
  type FlavorSnapshot,
  type InstanceActionRow,
  type InstanceRow,
  type NetworkRequest,
  type PortRequest,
} from '#compute/tables.ts';
import type { KeypairRow } from '#compute/keypairs/tables.ts';
import { newAction, sendWith } from '../action-record.ts';
import { exportRequestHops } from '../launch-trace/spans.ts';
import { insertAction, insertInstances, insertTags } from '../store.ts';
import {
  imageProperties,
  relatedImage,
  requireFit,
  requireFlavor,
  requireImage,
  tokenOf,
} from './check-image.ts';
import {
  checkDevices,
  deviceRows,
  mappingsOfImage,
  type PlannedDevice,
  type PlannedDisks,
} from './check-devices.ts';
import { checkNetworks, checkSecurityGroups, madeNetwork } from './check-networks.ts';
import { checkWishes, type Wishes } from './check-wishes.ts';
import { arrangeDisks } from './read-devices.ts';
import { findPortRequests } from '../port-requests.ts';
import { reserveVolumes } from '../reserve-volumes.ts';
import { hostnameOf, readLaunchRequest, type CreateBody, type LaunchRequest } from './launch-request.ts';

const RULE = 'os_compute_api:servers:create';

/** What the checks found, ready to be recorded. */
interface LaunchPlan {
  readonly request: LaunchRequest;
  readonly flavor: FlavorSnapshot;
  /** Of the root disk on the host; undefined for one that boots from a volume. */
  readonly image: Image | undefined;
  readonly disks: PlannedDisks;
  readonly networks: NetworkRequest;
  readonly portRequests: readonly PortRequest[];
  readonly wishes: Wishes;
  readonly keypair: KeypairRow | undefined;
  readonly adminPass: string;
  readonly reservationId: string;
  readonly handledAt: number;
}

export async function createServer(call: Call, deps: ComputeDeps): Promise<Reply> {
  const plan = await planLaunch(call, deps);
  const { rows, actions } = await record(call, deps, plan);
  for (const action of actions) exportRequestHops(action);
  const [first] = rows;
  if (plan.request.returnReservation) return new Reply(202, { reservation_id: plan.reservationId });
  if (!first) throw new Error('a launch of no server was recorded'); // min_count is 1 at least
  const links = linksOf(call, `servers/${first.id}`);
  const server = {
    id: first.id,
    links,
    'OS-DCF:diskConfig': first.disk_config,
    security_groups: plan.request.securityGroups.map((name) => ({ name })),
    adminPass: plan.adminPass,
  };
  return new Reply(202, { server }, { location: links[0]?.href ?? '' });
}

/** Volumes that exist are reserved first, and free again when the rest fails: a quota, a database. */
async function record(call: Call, deps: ComputeDeps, plan: LaunchPlan): Promise<Recorded> {
  const existing = plan.disks.devices.some((device) => device.source === 'volume');
  const commit = async (reserved?: Reserved): Promise<Recorded> =>
    deps.db.transaction(async (trx) => recordLaunch(trx, call, deps, plan, reserved));
  if (!existing) return commit();
  const instanceId = crypto.randomUUID(); // one server: several can not share what exists
  const rows = deviceRows(plan.disks.devices, instanceId, isoTime(deps.clock));
  const reservation = await reserveVolumes(call, deps, rows);
  try {
    return await commit({ instanceId, ids: reservation.ids });
  } catch (error) {
    await reservation.cancel();
    throw error;
  }
}

interface Recorded {
  readonly rows: InstanceRow[];
  readonly actions: InstanceActionRow[];
}

/** Disks that are stored already, for a server of this id. */
interface Reserved {
  readonly instanceId: string;
  readonly ids: readonly string[];
}

async function planLaunch(call: Call, deps: ComputeDeps): Promise<LaunchPlan> {
  const handledAt = deps.clock.now();
  if (call.principal.projectId === undefined)
    throw new InvalidInput('A server belongs to a project: use a token that is scoped to one.');
  const request = readLaunchRequest(call.body as CreateBody);
  if (request.networks !== 'unsaid') call.enforce('os_compute_api:servers:create:attach_network');
  const [flavor, named, networks, wishes, keypair] = await Promise.all([
    requireFlavor(call, deps, request.flavorRef),
    request.imageRef === null ? undefined : requireImage(call, deps, request.imageRef),
    checkNetworks(call, deps, request.networks),
    checkWishes(call, deps, request),
    requireKeypair(call, deps, request.keyName),
    checkSecurityGroups(call, deps, request.securityGroups),
  ]);
  const { image, disks } = await planDisks(call, deps, request, { flavor, named, wishes });
  return {
    request,
    flavor,
    image,
    disks,
    networks: await madeNetwork(call, deps, networks),
    portRequests: await findPortRequests(call, deps, portsIn(networks), 'Creating servers'),
    wishes,
    keypair,
    adminPass: request.adminPass ?? newPassword(),
    reservationId: `r-${randomText('0123456789abcdefghijklmnopqrstuvwxyz', 8)}`,
    handledAt,
  };
}

function portsIn(networks: NetworkRequest): string[] {
  if (typeof networks === 'string') return [];
  return networks.flatMap((item) => (item.kind === 'port' ? [item.port_id] : []));
}

async function planDisks(
  call: Call,
  deps: ComputeDeps,
  request: LaunchRequest,
  { flavor, named, wishes }: { flavor: FlavorSnapshot; named: Image | undefined; wishes: Wishes },
): Promise<Pick<LaunchPlan, 'image' | 'disks'>> {
  const ofImage = named ? mappingsOfImage(named, request.devices) : [];
  const hasRoot = ofImage.some((device) => device.bootIndex === 0);
  const wanted = arrangeDisks(hasRoot ? null : request.imageRef, [...request.devices, ...ofImage]);
  const image =
    wanted.imageId === null || wanted.imageId === named?.id
      ? wanted.imageId === null
        ? undefined
        : named
      : await requireImage(call, deps, wanted.imageId);
  if (image) requireFit(call, flavor, image);
  const disks = await checkDevices(call, deps, {
    disks: wanted,
    flavor,
    image,
    maxCount: request.maxCount,
    zone: wishes.zone,
  });
  return { image, disks };
}

async function requireKeypair(call: Call, deps: ComputeDeps, name?: string): Promise<KeypairRow | undefined> {
  if (name === undefined) return undefined;
  const keypair = await findKeypair(deps.db.kysely, call.principal.userId, name);
  if (!keypair)
    throw new InvalidInput(`Invalid key_name provided: you have no key pair ${name}.`, 'key-not-found');
  return keypair;
}

const makesVolumes = ({ disks }: LaunchPlan): boolean =>
  disks.devices.some((device) => device.destination === 'volume' && device.source !== 'volume');

async function recordLaunch(
  trx: ComputeExecutor,
  call: Call,
  deps: ComputeDeps,
  plan: LaunchPlan,
  reserved?: Reserved,
): Promise<Recorded> {
  const { request } = plan;
  const count = await grantCount(trx, call, plan);
  const rows = Array.from({ length: count }, (_, index) =>
    newRow(call, deps, plan, index, reserved?.instanceId ?? crypto.randomUUID()),
  );
  await insertInstances(trx, rows);
  if (reserved) {
    if (!(await keepDevices(trx, reserved.instanceId, reserved.ids)))
      throw new Conflict('The reservation of the volumes took too long and was given up: try again.');
  } else
    for (const row of rows) await insertDevices(trx, deviceRows(plan.disks.devices, row.id, row.created_at));
  const scheduler = rpcClient<SchedulerRpc>(deps.bus, SCHEDULER_QUEUE);
  const actions: InstanceActionRow[] = [];
  for (const row of rows) {
    await insertTags(trx, row.id, request.tags);
    const action = newAction(call, deps, {
      instanceId: row.id,
      action: 'create',
      host: null,
      deadlineMs: makesVolumes(plan) ? deps.config.fillDeadlineMs : deps.config.launchDeadlineMs,
      rule: RULE,
      handledAt: plan.handledAt,
      build: {
        name: row.name,
        flavor: plan.flavor,
        image_id: plan.image?.id ?? null,
        devices: plan.disks.devices.map(deviceEvidence),
        networks: plan.networks,
        security_groups: request.securityGroups,
        key_name: request.keyName ?? null,
        availability_zone: plan.wishes.zone,
        requested_host: plan.wishes.host,
        scheduler_hints: request.hints,
        count,
      },
    });
    await insertAction(trx, action);
    const ref = { action_id: action.id, instance_id: row.id };
    await sendWith(
      trx,
      scheduler.message('selectHost', { ...ref, attempt: 1, user_token: tokenOf(call), exclude: [] }),
    );
    actions.push(action);
  }
  return { rows, actions };
}

const deviceEvidence = (device: PlannedDevice) => ({
  device: device.deviceName,
  source: device.source,
  destination: device.destination,
  id: device.id,
  size: device.size,
  boot_index: device.bootIndex,
  delete_on_termination: device.deleteOnTermination,
});

/** How many of `max_count` the quota still allows. @throws QuotaExceeded when not even `min_count`. */
async function grantCount(trx: ComputeExecutor, call: Call, plan: LaunchPlan): Promise<number> {
  const { request, flavor, wishes } = plan;
  const { projectId = '', userId } = call.principal;
  const items = Object.keys(request.metadata).length;
  if (items > 0) await assertQuota(trx, projectId, userId, { metadata_items: items });
  let count = request.maxCount;
  if (request.maxCount > request.minCount) {
    const [limits, used] = await Promise.all([limitsOf(trx, projectId), usedByServers(trx, projectId)]);
    const room = (limit: number, taken: number, each: number): number =>
      limit < 0 || each === 0 ? Infinity : Math.floor((limit - taken) / each);
    const allowed = Math.min(
      room(limits.instances, used.instances, 1),
      room(limits.cores, used.cores, flavor.vcpus),
      room(limits.ram, used.ram, flavor.ram),
    );
    count = Math.max(request.minCount, Math.min(request.maxCount, allowed));
  }
  if (wishes.serverGroup) {
    const members = (await listMembers(trx, [wishes.serverGroup])).get(wishes.serverGroup) ?? [];
    await assertQuota(trx, projectId, userId, { server_group_members: members.length + count });
  }
  await assertQuota(trx, projectId, userId, {
    instances: count,
    cores: count * flavor.vcpus,
    ram: count * flavor.ram,
  });
  return count;
}

function newRow(call: Call, deps: ComputeDeps, plan: LaunchPlan, index: number, id: string): InstanceRow {
  const { request, flavor, image, wishes, keypair, disks } = plan;
  const suffix = request.maxCount > 1 ? `-${index + 1}` : '';
  const name = `${request.name}${suffix}`;
  const now = new Date(deps.clock.now()).toISOString();
  return {
    id,
    project_id: call.principal.projectId ?? '',
    user_id: call.principal.userId,
    name,
    description: describe(call, request, name),
    hostname: request.hostname === undefined ? hostnameOf(name, id) : `${request.hostname}${suffix}`,
    vm_state: 'building',
    task_state: 'scheduling',
    power_state: POWER_STATE.nostate,
    host: null,
    node: null,
    availability_zone: wishes.zone,
    requested_zone: wishes.zone,
    requested_host: wishes.host,
    flavor_id: flavor.id,
    flavor_json: JSON.stringify(flavor),
    image_id: image?.id ?? null,
    kernel_id: image ? relatedImage(image, 'kernel_id') : (disks.boot?.kernelId ?? null),
    ramdisk_id: image ? relatedImage(image, 'ramdisk_id') : (disks.boot?.ramdiskId ?? null),
    image_json: JSON.stringify(image ? imageProperties(image) : (disks.boot?.properties ?? {})),
    root_device_name: disks.rootDeviceName,
    key_name: keypair?.name ?? null,
    public_key: keypair?.public_key ?? null,
    key_type: keypair?.type ?? null,
    user_data: request.userData,
    config_drive: request.configDrive ? 1 : 0,
    admin_password: plan.adminPass,
    metadata_json: JSON.stringify(request.metadata),
    system_metadata_json: '{}',
    scheduler_hints_json: JSON.stringify(request.hints),
    server_group_id: wishes.serverGroup,
    networks_json: JSON.stringify(plan.networks),
    port_requests_json: JSON.stringify(plan.portRequests),
    security_groups_json: JSON.stringify(request.securityGroups),
    vifs_json: '[]',
    disk_config: request.diskConfig,
    access_ip_v4: request.accessIpV4,
    access_ip_v6: request.accessIpV6,
    locked: 0,
    locked_reason: null,
    locked_by: null,
    progress: 0,
    fault_json: null,
    reservation_id: plan.reservationId,
    launch_index: index,
    created_at: now,
    updated_at: now,
    launched_at: null,
    terminated_at: null,
    deleted: 0,
    deleted_at: null,
  };
}

/** Before descriptions there were (2.19) the name stood in. */
function describe(call: Call, request: LaunchRequest, name: string): string | null {
  if (request.description !== undefined) return request.description;
  return call.microversion.minor < 19 ? name : null;
}

const PASSWORD_LETTERS = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'; // none that look alike

export const newPassword = (): string => randomText(PASSWORD_LETTERS, 12);

function randomText(letters: string, length: number): string {
  return Array.from({ length }, () => letters[randomInt(letters.length)]).join('');
}
