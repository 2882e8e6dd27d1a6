import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { findMarked, identify, isRunning, killAll, readRecord } from './process-table.ts';
import { LogFile } from './log-file.ts';
import { Supervisor } from './supervisor.ts';
import type { ChildEvent } from './supervisor.ts';
import { waitUntil } from './wait.ts';

function makeSupervisor(t: TestContext): {
  dir: string;
  cloud: string;
  events: ChildEvent[];
  supervisor: Supervisor;
} {
  const dir = mkdtempSync(join(tmpdir(), 'pileus-supervise-'));
  const cloud = dir.slice(-8);
  const events: ChildEvent[] = [];
  const supervisor = new Supervisor({
    cloud,
    recordFile: join(dir, 'processes.json'),
    onEvent: (event) => events.push(event),
  });
  t.after(async () => {
    await supervisor.close();
    await killAll(findMarked(cloud));
    rmSync(dir, { recursive: true });
  });
  return { dir, cloud, events, supervisor };
}

test('start resolves when the readiness holds, and stop ends the process', async (t) => {
  const { dir, supervisor } = makeSupervisor(t);
  const flag = join(dir, 'flag');
  const child = await supervisor.start({
    name: 'one',
    argv: ['sh', '-c', `sleep 0.1; touch ${flag}; exec sleep 60`],
    logFile: join(dir, 'one.log'),
    ready: { check: () => existsSync(flag) },
  });
  const identity = identify(child.pid!)!;
  assert.ok(existsSync(flag));
  assert.deepEqual(
    readRecord(join(dir, 'processes.json')).map(({ name, pid }) => ({ name, pid })),
    [{ name: 'one', pid: identity.pid }],
  );
  await supervisor.stop('one');
  assert.equal(isRunning(identity), false);
  assert.deepEqual(readRecord(join(dir, 'processes.json')), []);
});

test('a child that ends before it is ready is an error that quotes its log', async (t) => {
  const { dir, supervisor } = makeSupervisor(t);
  const start = supervisor.start({
    name: 'broken',
    argv: ['sh', '-c', 'echo cannot open database; exit 7'],
    logFile: join(dir, 'broken.log'),
    ready: { check: () => false },
  });
  await assert.rejects(start, /broken ended with code 7; its log is .*\n[^]*cannot open database/);
  assert.deepEqual(readRecord(join(dir, 'processes.json')), []);
});

test('a child that is not ready by its deadline is stopped', async (t) => {
  const { dir, cloud, supervisor } = makeSupervisor(t);
  const start = supervisor.start({
    name: 'slow',
    argv: ['sleep', '60'],
    logFile: join(dir, 'slow.log'),
    ready: { check: () => false, deadlineMs: 100 },
  });
  await assert.rejects(start, /readiness of slow: not there after 100 ms/);
  assert.deepEqual(findMarked(cloud), []);
});

test('a child that ends by itself is started again, and what it needs is put back', async (t) => {
  const { dir, events, supervisor } = makeSupervisor(t);
  let putBack = 0;
  const child = await supervisor.start({
    name: 'mortal',
    argv: ['sleep', '60'],
    logFile: join(dir, 'mortal.log'),
    onRestart: () => {
      putBack += 1;
      return Promise.resolve();
    },
  });
  const first = child.pid!;
  process.kill(first, 'SIGKILL');
  await waitUntil(() => putBack === 1, { what: 'restart', deadlineMs: 30_000 });
  assert.notEqual(child.pid, first);
  assert.deepEqual(
    events.map((event) => event.kind),
    ['started', 'ready', 'ended', 'restarting', 'started', 'ready'],
  );
});

test('a child that ignores SIGTERM is killed at its deadline', async (t) => {
  const { dir, supervisor } = makeSupervisor(t);
  const flag = join(dir, 'flag');
  const child = await supervisor.start({
    name: 'deaf',
    argv: ['sh', '-c', `trap "" TERM; touch ${flag}; while :; do sleep 0.05; done`],
    logFile: join(dir, 'deaf.log'),
    ready: { check: () => existsSync(flag) },
    stop: { deadlineMs: 100 },
  });
  const identity = identify(child.pid!)!;
  await supervisor.stop('deaf');
  assert.equal(isRunning(identity), false);
});

test('close stops the last started first', async (t) => {
  const { dir, events, supervisor } = makeSupervisor(t);
  for (const name of ['database', 'switch', 'controller']) {
    await supervisor.start({ name, argv: ['sleep', '60'], logFile: join(dir, `${name}.log`) });
  }
  await supervisor.close();
  const ended = events.filter((event) => event.kind === 'ended');
  assert.deepEqual(
    ended.map(({ name, expected }) => ({ name, expected })),
    ['controller', 'switch', 'database'].map((name) => ({ name, expected: true })),
  );
  await assert.rejects(
    supervisor.start({ name: 'late', argv: ['true'], logFile: join(dir, 'l.log') }),
    /closing/,
  );
});

const ROOT = process.getuid?.() === 0 ? {} : { skip: 'needs root: makes namespaces' };

test(
  'children die with a supervisor that is killed, also through unshare and in a namespace',
  ROOT,
  async (t) => {
    const { dir, cloud } = makeSupervisor(t);
    const program = join(dir, 'owner.mts');
    const here = new URL('.', import.meta.url).pathname;
    writeFileSync(
      program,
      `import { Supervisor } from '${here}supervisor.ts';
     const s = new Supervisor({ cloud: '${cloud}', recordFile: '${dir}/owned.json' });
     const start = (name, argv) => s.start({ name, argv, logFile: '${dir}/' + name + '.log' });
     await start('plain', ['sleep', '600']);
     await start('boxed', ['unshare', '-n', '-m', '-p', '-f', '--kill-child', '--mount-proc', 'sh', '-c', 'sleep 600; :']);
     console.log('up');`,
    );
    const owner = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(owner.stdout, 'data');
    // plain, unshare, its shell, and the sleep inside
    await waitUntil(() => findMarked(cloud).length === 4, { what: 'four processes', deadlineMs: 30_000 });
    const recorded = readRecord(join(dir, 'owned.json'));
    assert.deepEqual(
      recorded.map(({ name }) => name),
      ['plain', 'boxed'],
    );
    owner.kill('SIGKILL');
    await waitUntil(() => findMarked(cloud).length === 0, { what: 'end of the orphans', deadlineMs: 30_000 });
  },
);

test('a recorded pid that is now another process is left alone', async (t) => {
  const bystander = spawn('sleep', ['60']);
  t.after(() => bystander.kill('SIGKILL'));
  await waitUntil(() => identify(bystander.pid!) !== undefined, { what: 'bystander', deadlineMs: 20_000 });
  assert.equal(await killAll([{ pid: bystander.pid!, startTime: '1' }]), 0);
  assert.ok(identify(bystander.pid!));
});

test('a log that outgrows its limit moves to .1 and its writer goes on', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'pileus-log-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const log = new LogFile(join(dir, 'sub', 'a.log'), 100);
  log.note('x'.repeat(200));
  log.rotate();
  log.note('after');
  log.close();
  assert.match(readFileSync(`${log.path}.1`, 'utf8'), /x{200}/);
  assert.match(readFileSync(log.path, 'utf8'), /^[^\0]*supervisor: after\n$/);
});
