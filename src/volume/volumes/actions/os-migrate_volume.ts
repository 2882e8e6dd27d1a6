// os-migrate_volume: an administrator moves a volume that nobody uses to another backend. Data are copied between the
// services, always (`force_host_copy` asks for what is done anyway), and the volume is locked meanwhile, always.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import type { BackendState } from '#volume/scheduler/backend-state.ts';
import { runFilters } from '#volume/scheduler/filters.ts';
import { loadBackends } from '#volume/scheduler/load-backends.ts';
import type { VolumeRow } from '#volume/tables.ts';
import { assertReadable, beginMigration, ownSpecs, requestFor } from '../begin-migration.ts';
import { assertStatus } from '../begin.ts';
import { findVolume } from '../find.ts';

interface Body {
  readonly host?: string | null | undefined;
  readonly cluster?: string | null | undefined;
}

export async function migrateVolume(call: Call, deps: VolumeDeps): Promise<void> {
  const whole = await findVolume(call, deps, 'volume_extension:volume_admin_actions:migrate_volume');
  const { volume } = whole;
  const { host, cluster } = (call.body as { 'os-migrate_volume': Body })['os-migrate_volume'];
  const backends = await loadBackends(deps.db.kysely, deps);
  const named = namedIn(backends, { host, cluster });
  assertElsewhere(backends, volume, named);
  assertStatus(whole, ['available'], 'migrate');
  assertReadable(
    backends.find(({ name }) => name === volume.host),
    volume,
  );
  const destination = await fitting(deps, named, volume);
  await beginMigration(call, deps, volume, { operation: 'migrate', destination, newType: null });
}

interface Named {
  readonly name: string;
  /** The pools that it may be, those that are up and take volumes first. */
  readonly pools: readonly BackendState[];
}

/** @throws InvalidInput for what names no volume service */
function namedIn(backends: readonly BackendState[], { host, cluster }: Body): Named {
  if (Boolean(host) === Boolean(cluster))
    throw new InvalidInput(
      'Invalid input received: one and only one of cluster and host must be set: where the volume is to go.',
    );
  const name = (host || cluster) ?? '';
  const pools = backends.filter((each) => {
    const service = host ? each.service : each.cluster;
    return service !== null && (service === name || `${service}#${each.pool}` === name);
  });
  if (pools.length === 0)
    throw new InvalidInput(
      `Invalid input received: there is no volume service on ${name}, or it has no such pool.`,
    );
  return { name, pools: pools.toSorted((a, b) => Number(b.up && b.enabled) - Number(a.up && a.enabled)) };
}

/** Members of a cluster count as one place. */
function assertElsewhere(
  backends: readonly BackendState[],
  { host }: VolumeRow,
  { name, pools }: Named,
): void {
  const own = backends.find((each) => each.name === host)?.cluster ?? null;
  if (pools.some((each) => each.name === host || (own !== null && each.cluster === own)))
    throw new InvalidInput(`Invalid input received: the volume is on ${name} already.`);
}

/** @throws InvalidInput with what the backend lacks: as an administrator reads it, names are told */
async function fitting(deps: VolumeDeps, { name, pools }: Named, volume: VolumeRow): Promise<BackendState> {
  const zone = pools[0]?.zone ?? volume.availability_zone;
  const request = requestFor(volume, zone, await ownSpecs(deps.db.kysely, volume));
  const { survivors, rounds } = runFilters(pools, request);
  const [destination] = survivors;
  if (destination) return destination;
  const [out] = rounds.flatMap(({ backends_out }) => backends_out);
  const why = out?.detail === undefined ? out?.reason : `${out.reason} (${out.detail})`;
  throw new InvalidInput(`Invalid input received: ${name} can't take the volume: it ${why}.`);
}
