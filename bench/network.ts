// Lists of 1,000 ports, and ports created and deleted, over HTTP keep-alive against a network service of its own with the
// model of OVN behind it (so: the REST side and SQL alone). Prints JSON: requests a second and latencies in milliseconds,
// at 1 and 16 connections. Usage: node bench/network.ts [seconds per measurement]
// The load generator is a process of its own (this file with `load`), so that it takes no time from the service's loop.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { networkHarness } from '#test/support/network-harness.ts';

const PORTS = 1000;

interface Load {
  readonly port: number;
  readonly seconds: number;
  readonly connections: number;
  /** A path to GET, or undefined to create a port on `networkId` and delete it again. */
  readonly path?: string;
  readonly networkId?: string;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function send(load: Load, agent: Agent, method: string, path: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      'x-auth-token': 'member',
      ...(payload === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
    };
    const outgoing = request(
      { agent, host: '127.0.0.1', port: load.port, method, path, headers },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

async function once(load: Load, agent: Agent): Promise<void> {
  if (load.path !== undefined) {
    const { status } = await send(load, agent, 'GET', load.path);
    if (status !== 200) throw new Error(`GET ${load.path} answered ${status}`);
    return;
  }
  const made = await send(load, agent, 'POST', '/network/v2.0/ports', {
    port: { network_id: load.networkId },
  });
  if (made.status !== 201) throw new Error(`POST ports answered ${made.status}: ${made.text}`);
  const { port } = JSON.parse(made.text) as { port: { id: string } };
  const gone = await send(load, agent, 'DELETE', `/network/v2.0/ports/${port.id}`);
  if (gone.status !== 204) throw new Error(`DELETE port answered ${gone.status}`);
}

async function generate(load: Load): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections });
  const latencies: number[] = [];
  const start = performance.now();
  const end = start + load.seconds * 1000;
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      const before = performance.now();
      await once(load, agent);
      latencies.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: load.connections }, worker));
  const seconds = (performance.now() - start) / 1000;
  agent.destroy();
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number): number => Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2));
  process.stdout.write(
    JSON.stringify({
      per_second: Number((sorted.length / seconds).toFixed(1)),
      p50_ms: at(0.5),
      p99_ms: at(0.99),
    }),
  );
}

async function measure(load: Load): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    import.meta.filename,
    'load',
    JSON.stringify(load),
  ]);
  return JSON.parse(stdout) as unknown;
}

async function main(seconds: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-network-'));
  const net = await networkHarness({ quotas: { port: -1 } }, `sqlite:${join(directory, 'network.db')}`);
  try {
    const network = await net.make('networks', { name: 'bench' });
    await net.make('subnets', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/16' });
    await net.make('subnets', {
      network_id: network.id,
      ip_version: 6,
      cidr: 'fd00::/64',
      ipv6_ra_mode: 'slaac',
      ipv6_address_mode: 'slaac',
    });
    const ports = Array.from({ length: 100 }, () => ({ network_id: network.id, device_id: 'bench' }));
    for (let made = 0; made < PORTS; made += ports.length)
      await net.call('POST', '/v2.0/ports', { body: { ports } });
    await net.app.listen({ host: '127.0.0.1', port: 0 });
    const address = net.app.server.address();
    if (address === null || typeof address === 'string') throw new Error('the service does not listen');
    const base = { port: address.port, seconds };
    const results: Record<string, unknown> = {};
    for (const connections of [1, 16]) {
      results[`GET ports (${PORTS}), ${connections} connections`] = await measure({
        ...base,
        connections,
        path: '/network/v2.0/ports?device_id=bench',
      });
      results[`GET ports?limit=20 of ${PORTS}, ${connections} connections`] = await measure({
        ...base,
        connections,
        path: '/network/v2.0/ports?limit=20',
      });
      results[`port create + delete, ${connections} connections`] = await measure({
        ...base,
        connections,
        networkId: network.id,
      });
    }
    process.stdout.write(`${JSON.stringify({ bench: 'network', seconds, results }, undefined, 2)}\n`);
  } finally {
    await net[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  }
}

if (process.argv[2] === 'load') await generate(JSON.parse(process.argv[3] ?? '{}') as Load);
else await main(Number(process.argv[2] ?? 5));
