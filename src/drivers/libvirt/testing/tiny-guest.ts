// Guests of one boot sector, for tests and measurements: they run on SeaBIOS (machine pc) at once, in 16 MB.

/** 8086 machine code, as hexadecimal. */
const CODE = {
  /** Writes "OK" to the serial port. */
  greet: 'b04f baf803 ee b04b ee b00a ee',
  /** Switches the machine off by its ACPI control port. */
  powerOff: 'ba0406 b80020 ef',
  sleep: 'f4 ebfd',
  /** Enables the power button's status bit, then looks at it with each timer interrupt until it is set. */
  awaitPowerButton: 'ba0206 b80001 ef fb f4 ba0006 ed f6c401 74f5',
} as const;

const PROGRAMS = {
  sleeps: [CODE.greet, CODE.sleep],
  'obeys power button': [CODE.greet, CODE.awaitPowerButton, CODE.powerOff, CODE.sleep],
  'powers off': [CODE.greet, CODE.powerOff, CODE.sleep],
} as const;

export type TinyGuest = keyof typeof PROGRAMS;

/** A raw disk that boots. The firmware cannot read disks of less than one cylinder (504 KiB). */
export function tinyGuestDisk(guest: TinyGuest): Buffer {
  const disk = Buffer.alloc(1_048_576);
  disk.write(PROGRAMS[guest].join('').replaceAll(' ', ''), 'hex');
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}
