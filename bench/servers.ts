// GET /servers/detail with 10 and 1,000 servers over HTTP keep-alive: the real compute API on SQLite, asking the real
// network service in the same process for the security groups, with a stand-in for OVN. Tokens are not validated by
// identity here (see bench/identity.ts). Prints JSON: requests a second, latencies in milliseconds, at 1 and 16
// connections. Usage: node bench/servers.ts [seconds per measurement]
// The load generator is a process of its own (this file with `load`), so that it takes no time from the service's loop.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inProcessTransport } from '#platform/clients/transport.ts';
import { startComputeHarness, type ComputeHarness } from '#test/support/compute-harness.ts';
import { networkHarness, type NetworkHarness } from '#test/support/network-harness.ts';
import { round, summarize } from './support/statistics.ts';

interface Load {
  readonly url: string;
  readonly seconds: number;
  readonly connections: number;
}

function read(load: Load, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-auth-token': 'member' };
    get(load.url, { agent, headers }, (answer) => {
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => (bytes += chunk.length));
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve(bytes) : reject(new Error(`answered ${answer.statusCode}`)),
      );
    }).on('error', reject);
  });
}

async function generate(load: Load): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections });
  const latencies: number[] = [];
  let bytes = await read(load, agent); // warm
  const start = performance.now();
  const end = start + load.seconds * 1000;
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      const before = performance.now();
      bytes = await read(load, agent);
      latencies.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: load.connections }, worker));
  const seconds = (performance.now() - start) / 1000;
  agent.destroy();
  const { median, p99, n } = summarize(latencies);
  const result = { requests_per_second: round(n / seconds), p50_ms: median, p99_ms: p99, requests: n, bytes };
  process.stdout.write(JSON.stringify(result));
}

async function measure(load: Load): Promise<unknown> {
  const args = [import.meta.filename, 'load', JSON.stringify(load)];
  return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout) as unknown;
}

async function populate(
  cloud: ComputeHarness,
  net: NetworkHarness,
  networkId: string,
  upTo: number,
): Promise<void> {
  const have = (await cloud.call('GET', '/v2.1/servers')).body.servers.length as number;
  for (let made = have; made < upTo; made++) {
    const id = await cloud.create({ name: `server-${made}`, metadata: { role: 'bench' } });
    await cloud.activate(id);
    await net.make('ports', { network_id: networkId, device_id: id, device_owner: 'compute:nova' });
  }
}

async function main(seconds: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-servers-'));
  await using net = await networkHarness({ quotas: { port: -1 } }, `sqlite:${join(directory, 'network.db')}`);
  await using cloud = await startComputeHarness({
    databaseUrl: `sqlite:${join(directory, 'compute.db')}`,
    network: inProcessTransport(net.app, '/network'),
  });
  try {
    for (const resource of ['instances', 'cores', 'ram'])
      await cloud.kysely
        .insertInto('quota_limits')
        .values({ scope: 'class:default', resource, hard_limit: -1 })
        .execute();
    const network = await net.make('networks', { name: 'bench' });
    await net.make('subnets', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/16' });
    const origin = await cloud.listen();
    const results: Record<string, unknown> = {};
    for (const servers of [10, 1000]) {
      await populate(cloud, net, network.id, servers);
      for (const connections of [1, 16]) {
        const url = `${origin}/compute/v2.1/servers/detail`;
        results[`${servers} servers, ${connections} connections`] = await measure({
          url,
          seconds,
          connections,
        });
      }
    }
    process.stdout.write(`${JSON.stringify({ bench: 'servers', seconds, results }, undefined, 2)}\n`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

if (process.argv[2] === 'load') await generate(JSON.parse(process.argv[3] ?? '{}') as Load);
else await main(Number(process.argv[2] ?? 5));
