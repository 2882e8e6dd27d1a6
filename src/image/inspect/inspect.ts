// Looks at what an uploaded disk image really is, before anything opens it: the format must be the one that its owner says,
// and it must not refer to another file, through which a tenant could read files of the host.
// Sources: QEMU's qcow2 specification, VMware's virtual disk format, ISO 9660, the VHD and VHDX specifications.
import { buffer } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import type { DataRange } from '../store/port.ts';

export type FoundFormat = 'qcow2' | 'qed' | 'vmdk' | 'vhd' | 'vhdx' | 'vdi' | 'iso' | 'luks' | 'gpt' | 'raw';

export interface Inspection {
  readonly format: FoundFormat;
  /** Bytes that a guest would see, where the format says; the file's size for raw. */
  readonly virtualSize: number;
  /** Why it must not be used; undefined when nothing speaks against it. */
  readonly danger?: string;
}

/** Covers every header looked at; the ISO descriptor is the farthest. */
const HEAD_BYTES = 64 * 1024;
/** The footer of a VHD. */
const TAIL_BYTES = 512;

/** @param get reads a range of the data, which is `size` bytes long */
export async function inspectImage(
  get: (range: DataRange) => Promise<Readable>,
  size: number,
): Promise<Inspection> {
  if (size === 0) return inspectBytes(Buffer.alloc(0), Buffer.alloc(0), 0);
  const read = async (start: number, end: number): Promise<Buffer> => buffer(await get({ start, end }));
  const head = await read(0, Math.min(HEAD_BYTES, size) - 1);
  const tail = await read(Math.max(0, size - TAIL_BYTES), size - 1);
  return inspectBytes(head, tail, size);
}

/** `head`: the first bytes, `tail`: the last 512, of a file of `size` bytes. Pure. */
export function inspectBytes(head: Buffer, tail: Buffer, size: number): Inspection {
  const found = qcow2(head) ?? vmdk(head, size) ?? simple(head, tail, size);
  if (Number.isSafeInteger(found.virtualSize)) return found;
  return { ...found, virtualSize: size, danger: 'it says that it is larger than any disk' };
}

function startsWith(bytes: Buffer, text: string, at = 0): boolean {
  return bytes.length >= at + text.length && bytes.toString('latin1', at, at + text.length) === text;
}

/** Feature bits of qcow2 version 3 that make it refer to, or be, something else. */
const EXTERNAL_DATA_FILE = 1n << 2n;
const KNOWN_INCOMPATIBLE = 0b11111n; // dirty, corrupt, external data, compression type, extended L2

function qcow2(head: Buffer): Inspection | undefined {
  if (!startsWith(head, 'QFI\u00fb') || head.length < 72) return undefined;
  const virtualSize = Number(head.readBigUInt64BE(24));
  const version = head.readUInt32BE(4);
  const incompatible = version >= 3 && head.length >= 104 ? head.readBigUInt64BE(72) : 0n;
  const found = { format: 'qcow2', virtualSize } as const;
  if (version !== 2 && version !== 3)
    return { ...found, danger: `it is qcow2 of the unknown version ${version}` };
  if (head.readBigUInt64BE(8) !== 0n) return { ...found, danger: 'it refers to a backing file' };
  if ((incompatible & EXTERNAL_DATA_FILE) !== 0n)
    return { ...found, danger: 'it keeps its data in another file' };
  if ((incompatible & ~KNOWN_INCOMPATIBLE) !== 0n)
    return { ...found, danger: 'it uses qcow2 features that are not known here' };
  return found;
}

const VMDK_SAFE_TYPES = new Set(['monolithicSparse', 'streamOptimized']);

/** As QEMU tells it: comments and blank lines, then the version. */
const VMDK_DESCRIPTOR = /^(?:#[^\n]*\n|[ \t\r]*\n)*(?:# Disk ?Descriptor ?File|version\s*=)/i;

function vmdk(head: Buffer, size: number): Inspection | undefined {
  if (VMDK_DESCRIPTOR.test(head.toString('latin1', 0, 4096))) {
    const danger = 'it is a VMDK descriptor, which refers to other files';
    return { format: 'vmdk', virtualSize: size, danger };
  }
  if (startsWith(head, 'COWD')) {
    return { format: 'vmdk', virtualSize: size, danger: 'it is a VMDK of a version that is not supported' };
  }
  if (!startsWith(head, 'KDMV') || head.length < 512) return undefined;
  const virtualSize = Number(head.readBigUInt64LE(12)) * 512;
  const danger = vmdkDanger(head, virtualSize);
  return { format: 'vmdk', virtualSize, ...(danger === undefined ? {} : { danger }) };
}

/** Where writers put the embedded descriptor, and where QEMU looks for the parent whatever the header says. */
const DESCRIPTOR_START = 512;
/** What QEMU reads of it, whatever size the header says. */
const DESCRIPTOR_BYTES = 20 * 512;

function vmdkDanger(head: Buffer, virtualSize: number): string | undefined {
  // Without a capacity, QEMU takes the file as a descriptor of other files.
  if (virtualSize === 0) return 'it is a VMDK that only refers to other files';
  if (head.readBigUInt64LE(28) * 512n !== BigInt(DESCRIPTOR_START))
    return 'its VMDK descriptor is not where it is expected';
  const read = head.toString('latin1', DESCRIPTOR_START, DESCRIPTOR_START + DESCRIPTOR_BYTES);
  const descriptor = read.split('\0', 1)[0] ?? '';
  const type = /^\s*createType\s*=\s*"([^"]*)"/im.exec(descriptor)?.[1];
  if (type === undefined || !VMDK_SAFE_TYPES.has(type))
    return `its VMDK type ${type ?? '(none)'} can refer to other files`;
  const parent = /parentCID\s*=\s*([0-9a-f]+)/i.exec(descriptor)?.[1];
  if (/parentFileNameHint/i.test(read) || (parent !== undefined && !/^f{8}$/i.test(parent)))
    return 'it refers to a parent VMDK';
  const extents = descriptor.split(/[\r\n]+/).filter((line) => /^\s*(RW|RDONLY|NOACCESS)\s/i.test(line));
  const outside = extents.some((line) => /"[^"]*[/\\]/.test(line) || !/\bSPARSE\b/.test(line));
  return outside || extents.length > 1 ? 'its VMDK descriptor names other files' : undefined;
}

function simple(head: Buffer, tail: Buffer, size: number): Inspection {
  if (startsWith(head, 'QED\0'))
    return {
      format: 'qed',
      virtualSize: head.length >= 56 ? Number(head.readBigUInt64LE(48)) : size,
      danger: 'the format qed is not supported',
    };
  if (startsWith(head, 'vhdxfile')) return { format: 'vhdx', virtualSize: size };
  if (startsWith(head, 'conectix')) return vhd(head, size);
  if (startsWith(tail, 'conectix')) return vhd(tail, size);
  if (head.length >= 384 && head.readUInt32LE(64) === 0xbeda107f) return vdi(head);
  if (startsWith(head, 'LUKS\u00ba\u00be')) return { format: 'luks', virtualSize: size };
  if (startsWith(head, 'CD001', 32769)) return { format: 'iso', virtualSize: size };
  if (head.length >= 512 && head.readUInt16LE(510) === 0xaa55) return { format: 'gpt', virtualSize: size };
  return { format: 'raw', virtualSize: size };
}

/** Disk type 4 is a difference to a parent file. */
function vhd(footer: Buffer, size: number): Inspection {
  if (footer.length < 64) return { format: 'vhd', virtualSize: size, danger: 'its VHD footer is cut off' };
  const virtualSize = Number(footer.readBigUInt64BE(48));
  const found = { format: 'vhd', virtualSize } as const;
  return footer.readUInt32BE(60) === 4 ? { ...found, danger: 'it refers to a parent VHD' } : found;
}

/** Image types 1 and 2 hold all their data; 3 and 4 refer to a parent. */
function vdi(head: Buffer): Inspection {
  const found = { format: 'vdi', virtualSize: Number(head.readBigUInt64LE(368)) } as const;
  const type = head.readUInt32LE(76);
  return type === 1 || type === 2 ? found : { ...found, danger: 'it refers to a parent VDI' };
}

/** What each declared disk format may turn out to be. An ISO or a partitioned disk is raw too; kernels are anything plain. */
const ACCEPTED: Readonly<Record<string, readonly FoundFormat[]>> = {
  raw: ['raw', 'gpt', 'iso', 'luks'],
  ami: ['raw', 'gpt', 'iso'],
  aki: ['raw', 'gpt'],
  ari: ['raw', 'gpt'],
  iso: ['iso'],
  qcow2: ['qcow2'],
  vmdk: ['vmdk'],
  vhd: ['vhd'],
  vhdx: ['vhdx'],
  vdi: ['vdi'],
  ploop: ['raw', 'gpt'],
};

/** Why an image that its owner calls `declared` must be refused; undefined when it may be used. */
export function refusalOf(declared: string, { format, danger }: Inspection): string | undefined {
  if (danger !== undefined) return danger;
  const accepted = ACCEPTED[declared] ?? [];
  if (accepted.includes(format)) return undefined;
  return `it says ${declared} and its content is ${format === 'raw' || format === 'gpt' ? `not ${declared}` : format}`;
}
