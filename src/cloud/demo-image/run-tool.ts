// Runs one short-lived tool of the image build (mke2fs, mtools, syslinux, qemu-img) to its end. Only this folder calls it.

import { spawn } from 'node:child_process';

import { DemoImageError } from './errors.ts';

export type RunToolOptions = {
  readonly signal?: AbortSignal | undefined;
  readonly env?: Readonly<Record<string, string>>;
};

/** A tool works on a local file of some 70 MB: a minute means it hangs. */
const deadlineMs = 60_000;

/** Answers the standard output. Throws DemoImageError `tool-failed` with the end of what the tool wrote, or `tool-missing`. */
export async function runTool(
  command: string,
  args: readonly string[],
  options: RunToolOptions = {},
): Promise<string> {
  const signals = [AbortSignal.timeout(deadlineMs)];
  if (options.signal !== undefined) signals.push(options.signal);
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.any(signals),
    killSignal: 'SIGKILL',
    // A fixed search path: mke2fs and friends live in sbin, which is not in the PATH of every user.
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      LC_ALL: 'C',
      ...options.env,
    },
  });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', (cause: NodeJS.ErrnoException) => {
      reject(
        cause.code === 'ENOENT'
          ? new DemoImageError('tool-missing', `the program ${command} is not installed`, { cause })
          : cause,
      );
    });
    child.on('close', resolve);
  });
  if (code === 0) return Buffer.concat(output).toString();
  const said = Buffer.concat(errors).toString().trim().slice(-2000);
  throw new DemoImageError('tool-failed', `${command} ended with status ${code}: ${said}`);
}
