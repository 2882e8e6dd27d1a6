// os-migrate_volume: an administrator moves a volume that nobody uses to another backend. Data are copied between the
// services, always (`force_host_copy` asks for what is done anyway), and the volume is locked meanwhile, always.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import type { BackendState } from '#volume/scheduler/backend-state.ts';
import { runFilters } from '#volume/scheduler/filters.ts';
import { loadBackends } from '#volume/scheduler/load-backends.ts';
import { findServiceRow } from '#volume/scheduler/store.ts';
import type { VolumeRow } from '#volume/tables.ts';
import { assertReadable, beginMigration, ownSpecs, requestFor } from '../begin-migration.ts';
import { assertStatus } from '../begin.ts';
import { findVolume } from '../find.ts';
import { backendIn } from '../host-name.ts';

interface Body {
  readonly host?: string | null;
  readonly cluster?: string | null;
}

export async function migrateVolume(call: Call, deps: VolumeDeps): Promise<void> {
  const whole = await findVolume(call, deps, 'volume_extension:volume_admin_actions:migrate_volume');
  const { volume } = whole;
  const { host, cluster } = (call.body as { 'os-migrate_volume': Body })['os-migrate_volume'];
  if (cluster)
    throw new InvalidInput('Invalid input received: there are no clusters here, name the host of a backend.');
  if (!host) throw new InvalidInput('Must specify the host to which the volume is to go.');
  const service = await findServiceRow(deps.db.kysely, backendIn(host), 'cinder-volume');
  if (!service) throw new InvalidInput(`Invalid input received: there is no volume service on ${host}.`);
  if (host === volume.host || host === backendIn(volume.host ?? ''))
    throw new InvalidInput(`Invalid input received: the volume is on ${host} already.`);
  assertStatus(whole, ['available'], 'migrate');
  const backends = await loadBackends(deps.db.kysely, deps);
  assertReadable(
    backends.find(({ name }) => name === volume.host),
    volume,
  );
  const destination = await fitting(deps, backends, host, volume);
  await beginMigration(call, deps, volume, { operation: 'migrate', destination, newType: null });
}

/** @throws InvalidInput with what the backend lacks: as an administrator reads it, names are told */
async function fitting(
  deps: VolumeDeps,
  backends: readonly BackendState[],
  host: string,
  volume: VolumeRow,
): Promise<BackendState> {
  const destination = backends.find(({ name, service }) => name === host || service === host);
  if (!destination)
    throw new InvalidInput(`Invalid input received: the volume service on ${host} has no such pool.`);
  const request = requestFor(volume, destination.zone, await ownSpecs(deps.db.kysely, volume));
  const { survivors, rounds } = runFilters([destination], request);
  if (survivors.length > 0) return destination;
  const [out] = rounds.flatMap(({ backends_out }) => backends_out);
  const why = out?.detail === undefined ? out?.reason : `${out.reason} (${out.detail})`;
  throw new InvalidInput(`Invalid input received: ${host} can't take the volume: it ${why}.`);
}
