// What a backup says of itself, stored beside its data and written last: with it the data is whole. Enough to restore from
// when the database is gone.
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { metadataSchema, UUID } from '#volume/schema-types.ts';
import { BackupStoreError, type BackupObjects } from './objects/port.ts';

const MANIFEST = 'manifest.json';
const MANIFEST_LIMIT = 2 ** 20;

const manifestSchema = Type.Object({
  version: Type.Literal(1),
  /** Bytes. */
  size: Type.Integer({ minimum: 0 }),
  block_bytes: Type.Integer({ minimum: 1 }),
  blocks: Type.Integer({ minimum: 0 }),
  /** Set of the backup that unchanged blocks are looked up in. */
  parent: Type.Union([Type.String({ pattern: UUID.source }), Type.Null()]),
  index_sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  object_count: Type.Integer({ minimum: 0 }),
  bytes_stored: Type.Integer({ minimum: 0 }),
  volume: Type.Object({
    name: Type.Union([Type.String(), Type.Null()]),
    bootable: Type.Boolean(),
    metadata: metadataSchema,
    image_metadata: metadataSchema,
  }),
});

export type Manifest = Static<typeof manifestSchema>;
export type BackedUpVolume = Manifest['volume'];

export async function writeManifest(objects: BackupObjects, set: string, manifest: Manifest): Promise<void> {
  await using writer = await objects.create(set, MANIFEST);
  await writer.append(Buffer.from(JSON.stringify(manifest)));
  await writer.commit();
}

/** @throws BackupStoreError when there is none, or it is none of ours */
export async function readManifest(objects: BackupObjects, set: string): Promise<Manifest> {
  await using reader = await objects.open(set, MANIFEST);
  if (reader.size > MANIFEST_LIMIT) throw damaged();
  let parsed: unknown;
  try {
    parsed = JSON.parse((await reader.read(0, reader.size)).toString('utf8'));
  } catch (cause) {
    throw damaged(cause);
  }
  if (!Value.Check(manifestSchema, parsed)) throw damaged();
  return parsed;
}

const damaged = (cause?: unknown): BackupStoreError =>
  new BackupStoreError('damaged', 'The description of the backup in the store is damaged.', cause);
