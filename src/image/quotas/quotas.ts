// Limits of a project, by upstream's names of unified limits: how much there is and whether more fits. Used by everything
// that makes an image or takes data.
import type { Executor } from '#platform/sql/database.ts';
import type { ImageConfig, QuotaName } from '../config.ts';
import { TooLarge } from '../errors.ts';
import type { ImageTables } from '../tables.ts';
import { countImages, countUploading, sumData, sumStaged } from './store.ts';

const MIB = 1 << 20;

/** Sizes in bytes. */
const COUNTS: Readonly<Record<QuotaName, (db: Executor<ImageTables>, owner: string) => Promise<number>>> = {
  image_size_total: sumData,
  image_stage_total: sumStaged,
  image_count_total: countImages,
  image_count_uploading: countUploading,
};

export const QUOTA_NAMES = Object.keys(COUNTS) as QuotaName[];

interface Limits {
  readonly config: Pick<ImageConfig, 'quotas'>;
}

function isSize(name: QuotaName): boolean {
  return name === 'image_size_total' || name === 'image_stage_total';
}

/** What is left, in bytes for sizes; infinite without a limit, or for an image of no project. Below 0 when over it. */
async function leftOf(
  { config }: Limits,
  db: Executor<ImageTables>,
  name: QuotaName,
  owner: string | null,
): Promise<number> {
  const limit = config.quotas[name];
  if (limit < 0 || owner === null) return Number.POSITIVE_INFINITY;
  return limit * (isSize(name) ? MIB : 1) - (await COUNTS[name](db, owner));
}

/**
 * @param more bytes for sizes, images for counts @returns what is left after it
 * @throws TooLarge `over-quota`
 */
export async function requireQuota(
  limits: Limits,
  db: Executor<ImageTables>,
  name: QuotaName,
  owner: string | null,
  more: number,
): Promise<number> {
  const left = (await leftOf(limits, db, name, owner)) - more;
  if (left >= 0) return left;
  const unit = isSize(name) ? ' MiB' : '';
  throw new TooLarge(
    `Project ${owner} is over its limit: ${name} is ${limits.config.quotas[name]}${unit}.`,
    'over-quota',
  );
}

/** As `GET /v2/info/usage` shows it: sizes in MiB, rounded up. */
export async function usageOf(
  { config }: Limits,
  db: Executor<ImageTables>,
  owner: string,
): Promise<Record<string, { limit: number; usage: number }>> {
  const usage: Record<string, { limit: number; usage: number }> = {};
  for (const name of QUOTA_NAMES) {
    const count = await COUNTS[name](db, owner);
    usage[name] = { limit: config.quotas[name], usage: isSize(name) ? Math.ceil(count / MIB) : count };
  }
  return usage;
}
