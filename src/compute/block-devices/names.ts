// Names of disks: `/dev/vda` and on. A name is for people and for detaching; guests find a volume by its serial. Pure.
import { InvalidInput } from '../errors.ts';

export type DiskBus = 'virtio' | 'scsi' | 'sata' | 'ide';

export const DISK_BUSES: readonly DiskBus[] = ['virtio', 'scsi', 'sata', 'ide'];
/** A disk to be rescued from may be on USB too, where a guest has a controller for nothing else. */
export type AnyBus = DiskBus | 'usb';
const PREFIXES: Readonly<Record<AnyBus, string>> = {
  virtio: 'vd',
  scsi: 'sd',
  sata: 'sd',
  ide: 'hd',
  usb: 'sd',
};
/** `z` is the config drive's. IDE has two channels of two. */
const LETTERS: Readonly<Record<AnyBus, string>> = {
  virtio: 'abcdefghijklmnopqrstuvwxy',
  scsi: 'abcdefghijklmnopqrstuvwxy',
  sata: 'abcdef',
  ide: 'abcd',
  usb: 'abcdefghijklmnopqrstuvwxy',
};

export const busOf = (wanted: string | null | undefined): DiskBus =>
  DISK_BUSES.find((bus) => bus === wanted) ?? 'virtio';

/** `/dev/vda` → `vda` */
export const targetOf = (deviceName: string): string => deviceName.replace(/^\/dev\//, '');

/** The first name of the bus that nothing has. `taken` is not changed. @throws InvalidInput when all are taken */
export function freeName(bus: AnyBus, taken: ReadonlySet<string>): string {
  for (const letter of LETTERS[bus]) {
    const name = `/dev/${PREFIXES[bus]}${letter}`;
    if (!taken.has(name)) return name;
  }
  throw new InvalidInput(`The server has no room for another disk on the bus ${bus}.`, 'no-device-name');
}

/** A name that a request asks for, in full; undefined for one that the bus does not have. */
export function wantedName(bus: DiskBus, wanted: string): string | undefined {
  const name = `/dev/${targetOf(wanted)}`;
  return [...LETTERS[bus]].some((letter) => name === `/dev/${PREFIXES[bus]}${letter}`) ? name : undefined;
}

/** Guests find a volume by the first 20 characters of its id: what a virtio disk's serial has room for. */
export const serialOf = (volumeId: string): string => volumeId.slice(0, 20);
