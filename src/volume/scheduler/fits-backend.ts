// Whether the backend that has a volume offers a type: for retype.
import type { VolumeDeps } from '#volume/deps.ts';
import type { VolumeRow } from '#volume/tables.ts';
import { loadBackends } from './load-backends.ts';
import { explainSpecs } from './spec-match.ts';

/** The spec that it does not meet, in words; undefined when it meets all. */
export async function whyNotOnBackend(
  deps: VolumeDeps,
  { host }: Pick<VolumeRow, 'host'>,
  specs: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const backend = (await loadBackends(deps.db.kysely, deps)).find(({ name }) => name === host);
  return backend ? explainSpecs(backend, specs) : 'it has not reported yet';
}
