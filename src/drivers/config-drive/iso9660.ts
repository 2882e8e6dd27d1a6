// Builds a small ISO 9660 image in memory (ECMA-119) with a Joliet tree beside the plain one, so that Linux, BSD and
// Windows guests all see the names as given. Used by real.ts.

import type { ConfigDriveFiles } from './port.ts';
import { buildTree, listDirectories, type DirectoryNode, type FileNode, type TreeNode } from './tree.ts';

export type IsoOptions = {
  /** At most 16 letters, the limit of Joliet. */
  readonly label: string;
  readonly files: ConfigDriveFiles;
  readonly modified: Date;
};

const sector = 2048;
const systemAreaSectors = 16;
const descriptorSectors = 3;

/** How one of the two trees writes a name. */
type Naming = { readonly encode: (name: string) => Buffer };

const plain: Naming = {
  // Lower case and long names as they are, as genisoimage does for config drives; what is not ASCII becomes "_".
  encode: (name) => Buffer.from(name.replace(/[^\x20-\x7e]/g, '_').slice(0, 31), 'latin1'),
};
const joliet: Naming = { encode: (name) => utf16BigEndian(name) };

/** A tree whose directories and path tables have their places. */
type Layout = {
  readonly naming: Naming;
  readonly directories: readonly DirectoryNode[];
  readonly extents: Map<DirectoryNode, Extent>;
  readonly pathTableBytes: number;
  readonly pathTableLittle: number;
  readonly pathTableBig: number;
};

type Extent = { readonly start: number; readonly bytes: number };

/** Throws ConfigDriveError for paths that an image cannot hold. */
export function buildIso9660({ label, files, modified }: IsoOptions): Buffer {
  const root = buildTree(files);
  const directories = listDirectories(root);
  let next = systemAreaSectors + descriptorSectors;
  const take = (bytes: number): number => {
    const start = next;
    next += Math.ceil(bytes / sector);
    return start;
  };
  const layouts = [plain, joliet].map((naming) => layOut(naming, directories, take)) as [Layout, Layout];
  const contents = new Map<FileNode, Extent>();
  for (const file of directories.flatMap((directory) => filesOf(directory))) {
    contents.set(file, { start: take(file.content.length), bytes: file.content.length });
  }

  const image = Buffer.alloc(next * sector);
  const date = recordDate(modified);
  for (const layout of layouts) {
    writePathTables(image, layout);
    for (const directory of directories) writeDirectory(image, layout, directory, contents, date);
  }
  for (const [file, extent] of contents) image.set(file.content, extent.start * sector);
  const [primary, supplementary] = layouts;
  writeVolumeDescriptor(image, systemAreaSectors, {
    type: 1,
    layout: primary,
    root,
    label,
    date,
    modified,
    sectors: next,
  });
  writeVolumeDescriptor(image, systemAreaSectors + 1, {
    type: 2,
    layout: supplementary,
    root,
    label,
    date,
    modified,
    sectors: next,
  });
  const terminator = (systemAreaSectors + 2) * sector;
  image.writeUInt8(255, terminator);
  image.write('CD001\u0001', terminator + 1, 'latin1');
  return image;
}

function filesOf(directory: DirectoryNode): FileNode[] {
  return [...directory.children.values()].filter((child) => child.kind === 'file');
}

function layOut(
  naming: Naming,
  directories: readonly DirectoryNode[],
  take: (bytes: number) => number,
): Layout {
  const pathTableBytes = directories.reduce((sum, directory) => sum + pathEntryBytes(naming, directory), 0);
  const pathTableLittle = take(pathTableBytes);
  const pathTableBig = take(pathTableBytes);
  const extents = new Map<DirectoryNode, Extent>();
  for (const directory of directories) {
    const bytes = directoryBytes(naming, directory);
    extents.set(directory, { start: take(bytes), bytes });
  }
  return { naming, directories, extents, pathTableBytes, pathTableLittle, pathTableBig };
}

/** Records sorted by name, as readers may search by halves. */
function sortedChildren(naming: Naming, directory: DirectoryNode): { node: TreeNode; identifier: Buffer }[] {
  return [...directory.children.values()]
    .map((node) => ({ node, identifier: naming.encode(node.name) }))
    .toSorted((a, b) => Buffer.compare(a.identifier, b.identifier));
}

/** Whole sectors, as a record never crosses from one to the next. */
function directoryBytes(naming: Naming, directory: DirectoryNode): number {
  let offset = 2 * recordBytes(1);
  for (const { identifier } of sortedChildren(naming, directory)) {
    offset = placeRecord(offset, recordBytes(identifier.length)) + recordBytes(identifier.length);
  }
  return Math.ceil(offset / sector) * sector;
}

function placeRecord(offset: number, bytes: number): number {
  const left = sector - (offset % sector);
  return bytes > left ? offset + left : offset;
}

function recordBytes(identifierBytes: number): number {
  return even(33 + identifierBytes);
}

function pathEntryBytes(naming: Naming, directory: DirectoryNode): number {
  return 8 + even(directory.parent === undefined ? 1 : naming.encode(directory.name).length);
}

function even(value: number): number {
  return value + (value % 2);
}

function writeDirectory(
  image: Buffer,
  layout: Layout,
  directory: DirectoryNode,
  contents: ReadonlyMap<FileNode, Extent>,
  date: Buffer,
): void {
  const own = need(layout.extents, directory);
  const base = own.start * sector;
  const parent = need(layout.extents, directory.parent ?? directory);
  writeRecord(image, base, Buffer.of(0), own, true, date);
  writeRecord(image, base + recordBytes(1), Buffer.of(1), parent, true, date);
  let offset = 2 * recordBytes(1);
  for (const { node, identifier } of sortedChildren(layout.naming, directory)) {
    offset = placeRecord(offset, recordBytes(identifier.length));
    const extent = node.kind === 'file' ? need(contents, node) : need(layout.extents, node);
    writeRecord(image, base + offset, identifier, extent, node.kind === 'directory', date);
    offset += recordBytes(identifier.length);
  }
}

function writeRecord(
  image: Buffer,
  at: number,
  identifier: Buffer,
  extent: Extent,
  isDirectory: boolean,
  date: Buffer,
): void {
  image.writeUInt8(recordBytes(identifier.length), at);
  writeBoth32(image, at + 2, extent.start);
  writeBoth32(image, at + 10, extent.bytes);
  date.copy(image, at + 18);
  image.writeUInt8(isDirectory ? 2 : 0, at + 25);
  writeBoth16(image, at + 28, 1); // volume sequence number
  image.writeUInt8(identifier.length, at + 32);
  identifier.copy(image, at + 33);
}

function writePathTables(image: Buffer, layout: Layout): void {
  const numbers = new Map(layout.directories.map((directory, index) => [directory, index + 1]));
  let offset = 0;
  for (const directory of layout.directories) {
    const identifier = directory.parent === undefined ? Buffer.of(0) : layout.naming.encode(directory.name);
    const { start } = need(layout.extents, directory);
    const parentNumber = need(numbers, directory.parent ?? directory);
    const little = layout.pathTableLittle * sector + offset;
    const big = layout.pathTableBig * sector + offset;
    for (const at of [little, big]) {
      image.writeUInt8(identifier.length, at);
      identifier.copy(image, at + 8);
    }
    image.writeUInt32LE(start, little + 2);
    image.writeUInt16LE(parentNumber, little + 6);
    image.writeUInt32BE(start, big + 2);
    image.writeUInt16BE(parentNumber, big + 6);
    offset += pathEntryBytes(layout.naming, directory);
  }
}

type VolumeDescriptor = {
  readonly type: 1 | 2;
  readonly layout: Layout;
  readonly root: DirectoryNode;
  readonly label: string;
  readonly date: Buffer;
  readonly modified: Date;
  readonly sectors: number;
};

function writeVolumeDescriptor(image: Buffer, sectorNumber: number, volume: VolumeDescriptor): void {
  const at = sectorNumber * sector;
  const text = (offset: number, bytes: number, value: string): void => {
    const unit =
      volume.type === 2 ? utf16BigEndian : (letters: string): Buffer => Buffer.from(letters, 'latin1');
    const blank = unit(' ');
    for (let i = 0; i + blank.length <= bytes; i += blank.length) blank.copy(image, at + offset + i);
    unit(value).copy(image, at + offset, 0, bytes);
  };
  image.writeUInt8(volume.type, at);
  image.write('CD001\u0001', at + 1, 'latin1');
  text(8, 32, 'LINUX');
  text(40, 32, volume.label);
  writeBoth32(image, at + 80, volume.sectors);
  // The escape sequence of UCS-2 level 3 is what says Joliet.
  if (volume.type === 2) image.write('%/E', at + 88, 'latin1');
  writeBoth16(image, at + 120, 1); // volumes in the set
  writeBoth16(image, at + 124, 1); // number of this one
  writeBoth16(image, at + 128, sector);
  writeBoth32(image, at + 132, volume.layout.pathTableBytes);
  image.writeUInt32LE(volume.layout.pathTableLittle, at + 140);
  image.writeUInt32BE(volume.layout.pathTableBig, at + 148);
  writeRecord(image, at + 156, Buffer.of(0), need(volume.layout.extents, volume.root), true, volume.date);
  text(190, 128, ''); // set, publisher, preparer, application
  text(318, 128, '');
  text(446, 128, '');
  text(574, 128, 'PILEUS');
  text(702, 37, ''); // copyright, abstract and bibliography files
  text(739, 37, '');
  text(776, 37, '');
  const stamp = `${volume.modified.toISOString().replace(/\D/g, '').slice(0, 16)}\0`;
  const never = `${'0'.repeat(16)}\0`;
  for (const [index, value] of [stamp, stamp, never, stamp].entries())
    image.write(value, at + 813 + index * 17, 'latin1');
  image.writeUInt8(1, at + 881); // structure version
}

/** Seven bytes: years since 1900, month, day, hour, minute, second, and 0 for UTC. */
function recordDate(date: Date): Buffer {
  return Buffer.of(
    date.getUTCFullYear() - 1900,
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    0,
  );
}

function utf16BigEndian(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

/** Numbers stand twice, little endian then big. */
function writeBoth32(image: Buffer, at: number, value: number): void {
  image.writeUInt32LE(value, at);
  image.writeUInt32BE(value, at + 4);
}

function writeBoth16(image: Buffer, at: number, value: number): void {
  image.writeUInt16LE(value, at);
  image.writeUInt16BE(value, at + 2);
}

function need<K, V>(map: ReadonlyMap<K, V>, key: K): V {
  const value = map.get(key);
  if (value === undefined) throw new Error('a node of the tree has no place on the image');
  return value;
}
