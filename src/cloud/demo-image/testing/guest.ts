// Runs the demo guest under plain QEMU (emulated CPU) with user-mode networking, for this folder's test and for
// bench/demo-image.ts. No libvirt and no OVN: what is looked at here is the image.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

export type GuestOptions = {
  readonly directory: string;
  /** A disk image that may be written to, and its format. */
  readonly disk: string;
  readonly memoryMebibytes: number;
  /** Boots by the disk's own boot loader when absent. */
  readonly direct?: { readonly kernel: string; readonly initrd: string; readonly args: string } | undefined;
  readonly configDrive?: { readonly file: string; readonly bus: 'virtio' | 'ide' } | undefined;
  /** A program and its arguments that answers one HTTP request at 169.254.169.254 on its standard input and output. */
  readonly metadataCommand?: string | undefined;
  readonly extra?: readonly string[] | undefined;
};

export class Guest implements AsyncDisposable {
  readonly sshPort: number;
  readonly startedAt: number;
  readonly #child: ChildProcess;
  readonly #serial: string;
  readonly #monitor: string;
  #exited = false;
  readonly #exit: Promise<void>;
  #errors = '';

  private constructor(child: ChildProcess, serial: string, monitor: string, sshPort: number) {
    this.#child = child;
    this.#serial = serial;
    this.#monitor = monitor;
    this.sshPort = sshPort;
    this.startedAt = performance.now();
    child.stderr?.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
    this.#exit = new Promise((resolve) => {
      const ended = (): void => {
        this.#exited = true;
        resolve();
      };
      child.on('exit', ended);
      child.on('error', ended);
    });
  }

  static async start(options: GuestOptions): Promise<Guest> {
    const serial = path.join(options.directory, 'serial.log');
    const monitor = path.join(options.directory, 'monitor');
    const port = await freePort();
    await writeFile(serial, '');
    const child = spawn('qemu-system-x86_64', guestArguments(options, serial, monitor, port), {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return new Guest(child, serial, monitor, port);
  }

  get exited(): boolean {
    return this.#exited;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  async console(): Promise<string> {
    return (await readFile(this.#serial, 'latin1')).replaceAll('\r', '');
  }

  /** Waits for a line on the serial console; answers what matched. Throws with the console's end when it does not come. */
  async waitFor(pattern: RegExp, timeoutMs: number): Promise<RegExpMatchArray> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const match = (await this.console()).match(pattern);
      if (match !== null) return match;
      if (this.#exited || performance.now() > deadline) {
        const why = this.#exited ? 'the guest ended' : `not within ${timeoutMs} ms`;
        throw new Error(
          `no ${pattern} on the console: ${why}\n${this.#errors}${(await this.console()).slice(-3000)}`,
        );
      }
      await delay(25);
    }
  }

  /** One command of QEMU's human monitor, such as system_powerdown. */
  async monitor(command: string): Promise<void> {
    const socket = connect(this.#monitor);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      // The greeting says that the monitor listens; its second prompt that the command was taken.
      let seen = '';
      socket.on('data', (chunk: Buffer) => {
        const before = seen.split('(qemu)').length;
        seen += chunk.toString();
        const prompts = seen.split('(qemu)').length;
        if (before === 1 && prompts > 1) socket.write(`${command}\n`);
        if (prompts > 2) resolve();
      });
      socket.once('close', () => resolve());
    });
    socket.destroy();
  }

  async waitForExit(timeoutMs: number): Promise<void> {
    await Promise.race([
      this.#exit,
      delay(timeoutMs, undefined, { ref: false }).then(() => {
        throw new Error(`the guest runs on after ${timeoutMs} ms`);
      }),
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#exited) this.#child.kill('SIGKILL');
    await this.#exit;
  }
}

function guestArguments(options: GuestOptions, serial: string, monitor: string, port: number): string[] {
  // With a metadata service the user-mode network holds 169.254.169.254, so that QEMU can answer for it.
  const network =
    options.metadataCommand === undefined
      ? 'ipv4=on,ipv6=on'
      : `ipv4=on,ipv6=on,net=169.254.0.0/16,guestfwd=tcp:169.254.169.254:80-cmd:${options.metadataCommand}`;
  const args = ['-machine', 'pc,accel=tcg', '-cpu', 'max', '-m', String(options.memoryMebibytes)];
  args.push('-nodefaults', '-no-user-config', '-display', 'none', '-vga', 'std');
  args.push('-serial', `file:${serial}`, '-monitor', `unix:${monitor},server=on,wait=off`);
  args.push('-drive', `file=${options.disk},if=virtio,format=qcow2`);
  args.push('-netdev', `user,id=n0,hostfwd=tcp:127.0.0.1:${port}-:22,${network}`);
  args.push('-device', 'virtio-net-pci,netdev=n0,romfile=');
  args.push('-object', 'rng-random,id=r0,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=r0');
  if (options.direct !== undefined) {
    args.push(
      '-kernel',
      options.direct.kernel,
      '-initrd',
      options.direct.initrd,
      '-append',
      options.direct.args,
    );
  }
  if (options.configDrive !== undefined) {
    const { file, bus } = options.configDrive;
    const kind = bus === 'virtio' ? 'if=virtio' : 'if=ide,media=cdrom';
    args.push('-drive', `file=${file},${kind},format=raw,readonly=on`);
  }
  return [...args, ...(options.extra ?? [])];
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
