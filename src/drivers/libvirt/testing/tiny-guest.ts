// Guests of one boot sector, for tests and measurements: they run on SeaBIOS (machine pc) at once, in 16 MB.

/** Writes "OK" to the serial port. */
const GREETS = [0xb0, 0x4f, 0xba, 0xf8, 0x03, 0xee, 0xb0, 0x4b, 0xee, 0xb0, 0x0a, 0xee];
/** Switches the machine off by its ACPI control port. */
const POWERS_OFF = [0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef];
/** Sleeps for ever. */
const SLEEPS = [0xf4, 0xeb, 0xfd];
/** Enables the power button's status bit, then looks at it with each timer interrupt until it is set. */
const WAITS_FOR_BUTTON = [
  ...[0xba, 0x02, 0x06, 0xb8, 0x00, 0x01, 0xef],
  ...[0xfb, 0xf4, 0xba, 0x00, 0x06, 0xed, 0xf6, 0xc4, 0x01, 0x74, 0xf5],
];

const PROGRAMS = {
  sleeps: [...GREETS, ...SLEEPS],
  'obeys power button': [...GREETS, ...WAITS_FOR_BUTTON, ...POWERS_OFF, ...SLEEPS],
  'powers off': [...GREETS, ...POWERS_OFF, ...SLEEPS],
} as const;

export type TinyGuest = keyof typeof PROGRAMS;

/** A raw disk that boots. The firmware cannot read disks of less than one cylinder (504 KiB). */
export function tinyGuestDisk(guest: TinyGuest): Buffer {
  const disk = Buffer.alloc(1_048_576);
  disk.set(PROGRAMS[guest]);
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}
