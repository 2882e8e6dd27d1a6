// Where image data is in a cluster, as a URL that services hand to each other: `rbd://fsid/pool/image/snapshot`, each part
// escaped. Used by the image store and by what clones from it.
import type { ImageSnapshot } from './port.ts';

export interface RbdLocation extends ImageSnapshot {
  readonly fsid: string;
}

export function rbdUrl({ fsid, pool, image, snapshot }: RbdLocation): string {
  return `rbd://${[fsid, pool, image, snapshot].map(encodeURIComponent).join('/')}`;
}

/** Names that commands take for nothing else: no `@`, no `/`, no leading `-`. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/** Undefined for any other URL, and for names that no store of ours gives. */
export function parseRbdUrl(url: string): RbdLocation | undefined {
  const [, rest] = /^rbd:\/\/(.+)$/.exec(url) ?? [];
  if (rest === undefined) return undefined;
  const parts = rest.split('/').map((part) => (NAME.test(part) ? part : undefined));
  const [fsid, pool, image, snapshot] = parts;
  if (parts.length !== 4 || !fsid || !pool || !image || !snapshot) return undefined;
  return { fsid, pool, image, snapshot };
}
