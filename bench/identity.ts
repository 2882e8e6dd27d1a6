// Logins and validations over HTTP keep-alive against an identity service of its own. Prints JSON: requests a second and
// latencies in milliseconds, at 1 and 16 connections. Usage: node bench/identity.ts [seconds per measurement]
// The load generator is a process of its own (this file with `load`), so that it takes no time from the service's loop.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Fastify from 'fastify';
import { bootstrapIdentity, CATALOG_SERVICES } from '#identity/bootstrap.ts';
import { createIdentityService } from '#identity/service.ts';
import { createInProcessBus } from '#platform/bus/in-process.ts';
import { systemClock } from '#platform/context/clock.ts';
import { mountApi } from '#platform/http/mount.ts';
import { silentLog } from '#platform/log/log.ts';

interface Load {
  readonly port: number;
  readonly seconds: number;
  readonly connections: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Answer {
  readonly status: number;
  readonly token: string;
}

function send(load: Load, agent: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { port, method, path, headers } = load;
    const outgoing = request({ agent, host: '127.0.0.1', port, method, path, headers }, (answer) => {
      answer.resume();
      answer.once('end', () =>
        resolve({ status: answer.statusCode ?? 0, token: String(answer.headers['x-subject-token'] ?? '') }),
      );
    });
    outgoing.once('error', reject);
    outgoing.end(load.body);
  });
}

async function generate(load: Load): Promise<Record<string, number>> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections });
  const durations: number[] = [];
  const started = performance.now();
  const measureFrom = started + 500; // the code is warm by then
  const end = measureFrom + load.seconds * 1000;
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      const start = performance.now();
      const { status } = await send(load, agent);
      if (status !== 200 && status !== 201) throw new Error(`${load.method} ${load.path}: ${status}`);
      if (start >= measureFrom) durations.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: load.connections }, worker));
  agent.destroy();
  durations.sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((durations[Math.floor(durations.length * share)] ?? NaN) * 1000) / 1000;
  return { per_second: Math.round(durations.length / load.seconds), p50_ms: at(0.5), p99_ms: at(0.99) };
}

async function fromAnotherProcess(load: Load): Promise<unknown> {
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [import.meta.filename, 'load', JSON.stringify(load)]);
  return JSON.parse(stdout) as unknown;
}

function loginBody(name: string, password: string, project: string): string {
  const domain = { id: 'default' };
  return JSON.stringify({
    auth: {
      identity: { methods: ['password'], password: { user: { name, domain, password } } },
      scope: { project: { name: project, domain } },
    },
  });
}

async function main(seconds: number): Promise<Record<string, unknown>> {
  const directory = mkdtempSync(join(tmpdir(), 'identity-bench-'));
  await using bus = createInProcessBus();
  const databaseUrl = `sqlite:${join(directory, 'identity.db')}`;
  await using service = await createIdentityService({
    log: silentLog,
    clock: systemClock,
    bus,
    databaseUrl,
    dataDir: directory,
    policyOverrides: {},
  });
  const { passwords } = await bootstrapIdentity(service.deps, {
    region: 'RegionOne',
    origin: 'http://127.0.0.1:8790',
    services: CATALOG_SERVICES,
  });
  const app = Fastify();
  await mountApi(app, service.api, { authenticator: service.authenticator, log: silentLog });
  const port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
  const base = { port, seconds };
  const json = { 'content-type': 'application/json' };
  const path = '/identity/v3/auth/tokens';
  const login = (name: string, project: string): Omit<Load, 'connections'> => {
    const body = loginBody(name, passwords[name] ?? '', project);
    return { ...base, method: 'POST', path, headers: json, body };
  };
  const agent = new Agent();
  const tokenOf = async (load: Omit<Load, 'connections'>): Promise<string> =>
    (await send({ ...load, connections: 1 }, agent)).token;
  const admin = await tokenOf(login('nova', 'service'));
  const subject = await tokenOf(login('demo', 'demo'));
  const headers = { 'x-auth-token': admin, 'x-subject-token': subject };
  const validation = { ...base, method: 'GET', path: `${path}?nocatalog`, headers };
  const result: Record<string, unknown> = { hash_ms: await hashCost(service.deps.hasher) };
  for (const connections of [1, 16]) {
    result[`issue_${connections}`] = await fromAnotherProcess({ ...login('demo', 'demo'), connections });
    result[`validate_${connections}`] = await fromAnotherProcess({ ...validation, connections });
  }
  await app.close();
  rmSync(directory, { recursive: true });
  return result;
}

async function hashCost(hasher: { hash(password: string): Promise<string> }): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < 10; i++) await hasher.hash(`password ${i}`);
  return Math.round((performance.now() - start) / 0.1) / 100;
}

if (process.argv[2] === 'load') {
  console.log(JSON.stringify(await generate(JSON.parse(process.argv[3] ?? '{}') as Load)));
} else {
  console.log(JSON.stringify(await main(Number(process.argv[2] ?? 3)), undefined, 2));
}
