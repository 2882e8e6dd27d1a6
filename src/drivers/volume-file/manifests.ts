// One small file a volume: its top layer and which layers its snapshots are. Replaced atomically: what the file says is
// true at every moment. Called by store.ts.
import { open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';

export interface Manifest {
  /** The only layer of the volume that is written to. */
  readonly top: string;
  /** Oldest first. */
  readonly snapshots: ReadonlyArray<{ readonly id: string; readonly layer: string }>;
}

export async function loadManifests(directory: string): Promise<Map<string, Manifest>> {
  const volumes = new Map<string, Manifest>();
  for (const file of await readdir(directory)) {
    if (file.endsWith('.json'))
      volumes.set(file.slice(0, -5), JSON.parse(await readFile(join(directory, file), 'utf8')) as Manifest);
    else await unlink(join(directory, file));
  }
  return volumes;
}

export async function saveManifest(directory: string, volumeId: string, manifest: Manifest): Promise<void> {
  const path = join(directory, `${volumeId}.json`);
  {
    await using file = await open(`${path}.new`, 'w', 0o600);
    await file.writeFile(JSON.stringify(manifest));
    await file.sync();
  }
  await rename(`${path}.new`, path);
  await syncDirectory(directory);
}

export async function removeManifest(directory: string, volumeId: string): Promise<void> {
  await unlink(join(directory, `${volumeId}.json`)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await syncDirectory(directory);
}

/** Names survive a loss of power only then. */
export async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, 'r');
  await handle.sync();
}
