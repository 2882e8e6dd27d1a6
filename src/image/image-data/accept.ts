// Whether data may become an image's: its format must be the declared one and refer to nothing else. For uploads and imports.
import type { Readable } from 'node:stream';
import { Invalid } from '../errors.ts';
import { inspectImage, refusalOf } from '../inspect/inspect.ts';
import type { DataRange, StoredData } from '../store/port.ts';
import type { ImageRow } from '../tables.ts';

/** The data is the disk itself; archives hold their disks inside, are stored as they are and cannot be booted. */
const DISK_CONTAINERS: ReadonlySet<string | null> = new Set(['bare', 'ami', 'aki', 'ari']);

export type DataColumns = Pick<
  ImageRow,
  'size' | 'virtual_size' | 'checksum' | 'os_hash_algo' | 'os_hash_value'
>;

/** @returns what the image says of its data. @throws Invalid `refused-content` */
export async function acceptData(
  image: Pick<ImageRow, 'container_format' | 'disk_format'>,
  get: (range: DataRange) => Promise<Readable>,
  { size, md5, sha512 }: StoredData,
): Promise<DataColumns> {
  const inspection = await inspectImage(get, size);
  const refusal = DISK_CONTAINERS.has(image.container_format)
    ? refusalOf(image.disk_format ?? '', inspection)
    : undefined;
  if (refusal !== undefined) {
    throw new Invalid(
      `The data was refused and removed, the image is queued again: ${refusal}.`,
      'refused-content',
    );
  }
  return {
    size,
    virtual_size: inspection.virtualSize,
    checksum: md5,
    os_hash_algo: 'sha512',
    os_hash_value: sha512,
  };
}
