/**
 * Does KVM run guests here? That /dev/kvm opens does not show it: some virtual machines offer a KVM in which a BIOS
 * hangs. So a guest is run: SeaBIOS boots a disk whose first sector writes one byte to the exit port.
 * Called by the bring-up and by doctor.
 */
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError, runCommand } from '#platform/supervise/run-command.ts';
import { cached, machineKey } from './cache.ts';

export type Ability = { works: boolean; why: string };

const QEMU = '/usr/bin/qemu-system-x86_64';
/** mov al,0x31; out 0xf4,al; hlt; jmp back to hlt */
const BOOT_CODE = [0xb0, 0x31, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd];
/** isa-debug-exit ends QEMU with (value << 1) | 1. */
const BOOTED = (0x31 << 1) | 1;
/** A working KVM takes a tenth of it, TCG on a busy machine a third. */
const DEADLINE_MS = 1500;

/** The answer is kept for this boot of the machine. Takes up to 1.6 s the first time. */
export function probeKvm(): Promise<Ability> {
  if (arch() !== 'x64') return Promise.resolve({ works: false, why: 'the probe knows only x86-64' });
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    return Promise.resolve({ works: false, why: 'there is no /dev/kvm that may be opened' });
  }
  try {
    accessSync(QEMU, constants.X_OK);
  } catch {
    return Promise.resolve({ works: false, why: 'QEMU is not installed, so that it cannot be tried' });
  }
  return cached('kvm', machineKey([QEMU, '/dev/kvm']), () => runsBootSector('kvm'));
}

/** Exported for its test, which shows with `tcg` that the probe can succeed. */
export async function runsBootSector(accel: 'kvm' | 'tcg'): Promise<Ability> {
  const directory = mkdtempSync(join(tmpdir(), 'pileus-probe-'));
  const disk = join(directory, 'disk');
  const sector = Buffer.alloc(512);
  sector.set(BOOT_CODE);
  sector.writeUInt16BE(0x55aa, 510);
  writeFileSync(disk, sector);
  const argv = [QEMU, '-accel', accel, '-m', '16', '-nodefaults', '-display', 'none'];
  argv.push('-device', 'isa-debug-exit,iobase=0xf4,iosize=1');
  argv.push('-drive', `if=ide,format=raw,file=${disk},snapshot=on`);
  try {
    await runCommand(argv, { deadlineMs: DEADLINE_MS, okCodes: [BOOTED] });
    return { works: true, why: `a guest booted under ${accel}` };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const why =
      error.failure === 'deadline'
        ? 'a guest started but hung in its BIOS'
        : `QEMU said: ${error.stderrTail}`;
    return { works: false, why };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
