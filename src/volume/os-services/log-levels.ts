// PUT /os-services/set-log and get-log (3.32): levels of the loggers of the API, and of the services that are up.
import { hostname } from 'node:os';
import { rpcClient, type RpcClient } from '#platform/bus/bus.ts';
import { causeChain } from '#platform/errors/domain-error.ts';
import type { Call } from '#platform/http/api.ts';
import { LEVEL_NAMES } from '#platform/log/log-levels.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import { volumeQueue, volumeSchedulerQueue, type ServiceRpc } from '#volume/rpc.ts';
import type { VolumeServiceRow } from '#volume/tables.ts';
import { fitsName, loadServices } from './known-services.ts';

const API = 'cinder-api';
export const LOG_BINARIES = ['cinder-scheduler', 'cinder-volume', 'cinder-backup', API] as const;

/** Whoever is up answers at once; one that does not is left out. */
const ANSWER_MS = 5000;

interface Body {
  readonly binary?: string;
  readonly server?: string | null;
  readonly prefix?: string | null;
  readonly level?: string | null;
}

interface Asked {
  readonly api: boolean;
  readonly services: readonly VolumeServiceRow[];
  readonly prefix: string;
}

async function askedOf(deps: VolumeDeps, { binary, server, prefix }: Body): Promise<Asked> {
  const all = binary === undefined || binary === '' || binary === '*';
  const services = (await loadServices(deps)).filter(
    ({ row, up }) =>
      up &&
      (all || row.binary === binary) &&
      (!server || fitsName(row.host, server) || fitsName(row.cluster_name, server)),
  );
  return { api: all || binary === API, services: services.map(({ row }) => row), prefix: prefix ?? '' };
}

const clientOf = ({ bus }: VolumeDeps, { binary, host }: VolumeServiceRow): RpcClient<ServiceRpc> =>
  rpcClient<ServiceRpc>(bus, binary === 'cinder-scheduler' ? volumeSchedulerQueue(host) : volumeQueue(host));

/** As upstream, the API takes the level whatever `server` says. */
export async function setLog(call: Call, deps: VolumeDeps): Promise<void> {
  const body = call.body as Body;
  const level = LEVEL_NAMES.find((each) => each === body.level?.toUpperCase());
  if (!level) throw new InvalidInput(`${body.level ?? 'Nothing'} is not a valid log level.`);
  const { api, services, prefix } = await askedOf(deps, body);
  if (api) deps.logLevels.set(prefix, level);
  for (const service of services)
    await clientOf(deps, service)
      .call('setLogLevels', { prefix, level }, { deadlineMs: ANSWER_MS })
      .catch(said(deps, service));
}

export async function getLog(call: Call, deps: VolumeDeps): Promise<unknown> {
  const body = call.body as Body;
  const { api, services, prefix } = await askedOf(deps, body);
  const own = hostname();
  const log_levels: unknown[] = [];
  if (api && (!body.server || body.server === own))
    log_levels.push({ host: own, binary: API, levels: deps.logLevels.get(prefix) });
  for (const service of services) {
    const levels = await clientOf(deps, service)
      .call('getLogLevels', { prefix }, { deadlineMs: ANSWER_MS })
      .catch(said(deps, service));
    if (levels) log_levels.push({ host: service.host, binary: service.binary, levels });
  }
  return { log_levels };
}

const said =
  ({ log }: VolumeDeps, { host, binary }: VolumeServiceRow) =>
  (error: unknown): undefined => {
    log.warn({ host, binary, causes: causeChain(error) }, 'a service does not tell or take levels of logs');
    return undefined;
  };
