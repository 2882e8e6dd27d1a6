// A cloud in a process of its own, so that its memory and its start can be measured from outside. Used by the benchmarks.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { readCloud, type CloudAccess } from '#cli/cloud-access.ts';

export interface CloudProcess extends AsyncDisposable {
  readonly dataPath: string;
  readonly origin: string;
  /** Milliseconds from the start of the process. */
  readonly firstTokenMs: number;
  readonly readyMs: number;
  access(cloud?: 'pileus' | 'pileus-admin'): Promise<Session>;
  /** Resident set of the process, MB. */
  rssMb(): number;
}

export interface Session extends CloudAccess {
  request(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: unknown; headers: Headers }>;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}

/** Starts `pileus up` and waits until it is ready. `dataPath`: one to go on with; it then stays. */
export async function startCloudProcess(args: readonly string[] = [], keep?: string): Promise<CloudProcess> {
  const dataPath = keep ?? mkdtempSync(join(tmpdir(), 'bench-'));
  const listen = `127.0.0.1:${await freePort()}`;
  const started = performance.now();
  const child = spawn(join(ROOT, 'pileus'), ['up', '--data', dataPath, '--listen', listen, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output += data.toString()));
  const ready = untilOutput(child, () => output, /^ready after/m).then(() => performance.now() - started);
  const firstTokenMs = await firstToken(dataPath, started, child, () => output);
  const readyMs = await ready;
  return {
    dataPath,
    origin: `http://${listen}`,
    firstTokenMs,
    readyMs,
    access: async (cloud = 'pileus') => session(await readCloud(dataPath, cloud)),
    rssMb: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      if (keep === undefined) rmSync(dataPath, { recursive: true, force: true });
    },
  };
}

async function untilOutput(child: ChildProcess, output: () => string, pattern: RegExp): Promise<void> {
  const end = Date.now() + 120_000;
  while (!pattern.test(output())) {
    if (child.exitCode !== null || Date.now() > end)
      throw new Error(`the cloud did not come up:\n${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function firstToken(
  dataPath: string,
  started: number,
  child: ChildProcess,
  output: () => string,
): Promise<number> {
  const end = Date.now() + 120_000;
  for (;;) {
    try {
      await readCloud(dataPath, 'pileus');
      return performance.now() - started;
    } catch (error) {
      if (child.exitCode !== null || Date.now() > end)
        throw new Error(`no token:\n${output()}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

function session(access: CloudAccess): Session {
  return {
    ...access,
    request: async (method, path, body) => {
      const answer = await fetch(access.origin + path, {
        method,
        headers: { 'x-auth-token': access.token, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return {
        status: answer.status,
        headers: answer.headers,
        body: /\bjson\b/.test(answer.headers.get('content-type') ?? '')
          ? (JSON.parse(text) as unknown)
          : text || undefined,
      };
    },
  };
}
