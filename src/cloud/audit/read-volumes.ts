// What the embedded store of volumes holds, read from its own files without opening it. Called by read-things.ts.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredVolumeThing } from './things.ts';

/**
 * Of all storage hosts: `storage`, `storage-2` … in the data directory. A volume that is in two stores is told twice.
 * @returns undefined where there is no such store: the volumes are in Ceph, or nowhere yet
 */
export async function readStoredVolumes(dataDirectory: string): Promise<StoredVolumeThing[] | undefined> {
  const names = (await readdir(dataDirectory).catch(() => [])).filter((name) =>
    /^storage(-\d+)?$/.test(name),
  );
  const stores = await Promise.all(names.map(async (name) => readStore(join(dataDirectory, name))));
  const found = stores.filter((store) => store !== undefined);
  return found.length === 0 ? undefined : found.flat();
}

async function readStore(directory: string): Promise<StoredVolumeThing[] | undefined> {
  return (await readModel(directory)) ?? (await readManifests(join(directory, 'volumes')));
}

interface Named {
  readonly id: string;
}

/** The simulated backend's one file. */
async function readModel(directory: string): Promise<StoredVolumeThing[] | undefined> {
  const text = await readFile(join(directory, 'volumes.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const volumes = JSON.parse(text) as ReadonlyArray<Named & { readonly snapshots: readonly Named[] }>;
  return volumes.map(({ id, snapshots }) => ({
    volumeId: id,
    snapshotIds: snapshots.map((each) => each.id),
  }));
}

/** A file a volume; those of other names are being written. */
async function readManifests(directory: string): Promise<StoredVolumeThing[] | undefined> {
  const names = await readdir(directory).catch(() => undefined);
  if (!names) return undefined;
  const read = names
    .filter((name) => name.endsWith('.json'))
    .map(async (name) => {
      const text = await readFile(join(directory, name), 'utf8').catch(() => undefined);
      if (text === undefined) return []; // deleted meanwhile
      const { snapshots } = JSON.parse(text) as { readonly snapshots: readonly Named[] };
      return [{ volumeId: name.slice(0, -'.json'.length), snapshotIds: snapshots.map(({ id }) => id) }];
    });
  return (await Promise.all(read)).flat();
}
