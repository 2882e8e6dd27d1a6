// The image service's options, with defaults. Plain values: `src/cloud` fills in what an operator sets.

import type { StoreConfig } from './store/port.ts';
import { DEFAULT_STORES } from './store/stores.ts';

export type ImportMethod = 'glance-direct' | 'web-download' | 'copy-image';

export type QuotaName =
  | 'image_size_total'
  | 'image_stage_total'
  | 'image_count_total'
  | 'image_count_uploading';

export interface WebDownloadConfig {
  readonly ports: readonly number[];
  /** Networks beside the internet from which tenants may import, as `10.1.0.0/16`: their services can be read by everyone. */
  readonly insideNetworks: readonly string[];
  readonly maxRedirects: number;
  /** How long a server may take to answer. */
  readonly answerMs: number;
}

export interface ImageConfig {
  /** Where data is kept. A store that is taken out leaves its images without data until it is back. */
  readonly stores: readonly StoreConfig[];
  /** Largest image, in bytes; an upload past it is refused and removed. */
  readonly maxImageBytes: number;
  /** Properties of one image. */
  readonly maxProperties: number;
  readonly maxTags: number;
  readonly maxMembers: number;
  /** Most images that one list answers, whatever `limit` asks for. */
  readonly maxLimit: number;
  readonly defaultLimit: number;
  /** How long an upload is believed alive without a sign of life; longer leaves crashed ones `saving` for longer. */
  readonly uploadLeaseMs: number;
  /** A sender that sends nothing for this long is given up. */
  readonly uploadIdleMs: number;
  /** Which ways of importing there are. */
  readonly importMethods: readonly ImportMethod[];
  /** Imports at once; more wait. Each holds a connection and writes to a disk: more of them only share the same bandwidth. */
  readonly importsAtOnce: number;
  /** An import that takes longer is given up. */
  readonly importDeadlineMs: number;
  /** How long a task that has ended can be looked at. */
  readonly taskTtlMs: number;
  readonly webDownload: WebDownloadConfig;
  /** Of each project; sizes in MiB, -1 for no limit. */
  readonly quotas: Readonly<Record<QuotaName, number>>;
  /** How often leftovers are looked for. */
  readonly sweepIntervalMs: number;
}

export const DEFAULT_IMAGE_CONFIG: ImageConfig = {
  stores: DEFAULT_STORES,
  maxImageBytes: 1024 ** 4,
  maxProperties: 128,
  maxTags: 128,
  maxMembers: 128,
  maxLimit: 1000,
  defaultLimit: 25,
  uploadLeaseMs: 60_000,
  uploadIdleMs: 300_000,
  importMethods: ['glance-direct', 'web-download', 'copy-image'],
  importsAtOnce: 4,
  importDeadlineMs: 6 * 3_600_000,
  taskTtlMs: 48 * 3_600_000,
  webDownload: { ports: [80, 443], insideNetworks: [], maxRedirects: 5, answerMs: 30_000 },
  quotas: {
    image_size_total: -1,
    image_stage_total: -1,
    image_count_total: -1,
    image_count_uploading: 100,
  },
  sweepIntervalMs: 60_000,
};

export const DISK_FORMATS = [
  'ami',
  'ari',
  'aki',
  'vhd',
  'vhdx',
  'vmdk',
  'raw',
  'qcow2',
  'vdi',
  'iso',
  'ploop',
] as const;
export const CONTAINER_FORMATS = ['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'] as const;
export type DiskFormat = (typeof DISK_FORMATS)[number];
