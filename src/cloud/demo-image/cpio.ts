// Writes cpio archives in the "newc" form that the kernel unpacks as initramfs. Used by build.ts. Done here rather
// than by cpio(1) so that owner, times and the console's device node need no root.

export type CpioEntry =
  | { readonly path: string; readonly kind: 'directory'; readonly mode: number }
  | { readonly path: string; readonly kind: 'file'; readonly mode: number; readonly content: Uint8Array }
  | {
      readonly path: string;
      readonly kind: 'character-device';
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

const typeBits = { directory: 0o040000, file: 0o100000, 'character-device': 0o020000 } as const;

/** Parents must come before their children, as the kernel makes no missing directories. All entries belong to root. */
export function writeCpio(entries: readonly CpioEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  let inode = 1;
  for (const entry of entries) parts.push(...member(entry, inode++));
  parts.push(...member({ path: 'TRAILER!!!', kind: 'file', mode: 0, content: new Uint8Array(0) }, 0));
  return Buffer.concat(parts);
}

function member(entry: CpioEntry, inode: number): Uint8Array[] {
  const content = entry.kind === 'file' ? entry.content : new Uint8Array(0);
  const device = entry.kind === 'character-device' ? entry : { major: 0, minor: 0 };
  const name = Buffer.from(`${entry.path}\0`);
  const fields = [
    inode,
    typeBits[entry.kind] | entry.mode,
    0, // uid
    0, // gid
    entry.kind === 'directory' ? 2 : 1, // links
    0, // mtime
    content.length,
    0, // device of the archive, major and minor
    0,
    device.major,
    device.minor,
    name.length,
    0, // checksum: none in newc
  ];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  const head = Buffer.concat([header, name]);
  return [head, padding(head.length), content, padding(content.length)];
}

/** Name and content each end on a multiple of four bytes. */
function padding(length: number): Uint8Array {
  return new Uint8Array((4 - (length % 4)) % 4);
}
