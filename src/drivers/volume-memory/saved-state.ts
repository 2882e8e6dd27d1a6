// What the model holds, and its form on disk: one JSON file, replaced atomically. Called by driver.ts.
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { BlockMap } from './block-pool.ts';

export interface Content {
  sizeGb: number;
  blocks: BlockMap;
}

export interface ModelVolume extends Content {
  /** In the order in which they were taken. */
  snapshots: Map<string, Content>;
}

export type Volumes = Map<string, ModelVolume>;

interface SavedContent {
  readonly sizeGb: number;
  readonly blocks: ReadonlyArray<readonly [number, number]>;
}
type SavedVolume = SavedContent & {
  readonly id: string;
  readonly snapshots: ReadonlyArray<SavedContent & { readonly id: string }>;
};

export async function loadVolumes(path: string): Promise<Volumes> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '[]';
    throw error;
  });
  const contentOf = ({ sizeGb, blocks }: SavedContent): Content => ({ sizeGb, blocks: new Map(blocks) });
  return new Map(
    (JSON.parse(text) as SavedVolume[]).map((saved) => [
      saved.id,
      { ...contentOf(saved), snapshots: new Map(saved.snapshots.map((each) => [each.id, contentOf(each)])) },
    ]),
  );
}

export async function saveVolumes(path: string, volumes: Volumes): Promise<void> {
  const saved = ({ sizeGb, blocks }: Content): SavedContent => ({ sizeGb, blocks: [...blocks] });
  const all: SavedVolume[] = [...volumes].map(([id, volume]) => ({
    id,
    ...saved(volume),
    snapshots: [...volume.snapshots].map(([snapshotId, content]) => ({ id: snapshotId, ...saved(content) })),
  }));
  await writeFile(`${path}.new`, JSON.stringify(all), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** Blocks that anything holds. */
export function usedBlocks(volumes: Volumes): Set<number> {
  const used = new Set<number>();
  for (const volume of volumes.values())
    for (const { blocks } of [volume, ...volume.snapshots.values()])
      for (const block of blocks.values()) used.add(block);
  return used;
}
