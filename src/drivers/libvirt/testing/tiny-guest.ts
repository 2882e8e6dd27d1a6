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
  /** Segments 0 and a stack; a disk address packet at 0x500: one sector from 0x8000, beginning with sector 0. */
  prepareWrites:
    '31c0 8ed8 8ec0 8ed0 bc0070 c70600051000 c70602050100 c70604050080 a30605 a30805 a30a05 a30c05 a30e05',
  /** For ever: fills a sector with its number + 1, writes it to the second disk, and says "." when that is answered. */
  writeSectors: 'bf0080 a10805 40 b90001 fc f3ab b80043 b281 be0005 cd13 720c b02e baf803 ee ff060805 ebdb',
  /** Says "!" for ever. */
  complain: 'b021 baf803 ee f4 ebf7',
} as const;

const PROGRAMS = {
  sleeps: [CODE.greet, CODE.sleep],
  'obeys power button': [CODE.greet, CODE.awaitPowerButton, CODE.powerOff, CODE.sleep],
  'writes to its second disk': [CODE.prepareWrites, CODE.writeSectors, CODE.complain],
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
