// Consoles of a real guest: VNC and serial through the token-checked WebSocket of the cloud's one origin, by the protocol and
// in a real browser.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { WebSocket } from 'ws';
import { startCloud, type TestCloud } from '#test/support/cloud.ts';
import { CloudApi } from '#test/support/guest-cloud.ts';
import { until } from '#test/support/until.ts';

const CHROMIUM = '/usr/bin/chromium';

let cloud: TestCloud;
let api: CloudApi;
let id: string;

before(async () => {
  cloud = await startCloud();
  api = await CloudApi.of(cloud);
  ({ id } = await api.boot('screen'));
  await api.untilStatus(id, 'ACTIVE');
  await api.untilConsole(id, /^PILEUS-READY/m);
});
after(async () => cloud?.[Symbol.asyncDispose]());

/** What a client gets to see of a connection that ended without a close. */
const NO_WORD = 1006;

const webSocket = (url: string): string => url.replace(/^http/, 'ws');

/** Opens, sends `first` at once, and collects until `done` or the close. */
async function talk(
  url: string,
  { origin, first, done }: { origin?: string; first?: Buffer; done?: (seen: Buffer) => boolean } = {},
): Promise<{ seen: Buffer; code: number | undefined; reason: string }> {
  const socket = new WebSocket(webSocket(url), ['binary'], origin === undefined ? {} : { origin });
  let seen = Buffer.alloc(0);
  let end: { code: number | undefined; reason: string } | undefined;
  socket.on('message', (data: Buffer) => (seen = Buffer.concat([seen, data])));
  socket.on('close', (code, reason) => (end = { code, reason: String(reason) }));
  socket.on('error', (error) => (end ??= { code: undefined, reason: error.message }));
  if (first) socket.once('open', () => socket.send(first));
  try {
    await until(async () => end !== undefined || done?.(seen), {
      deadlineMs: 15_000,
      what: `an answer of ${url}`,
    });
    return { seen, ...(end ?? { code: undefined, reason: '' }) };
  } finally {
    socket.terminate();
  }
}

test('VNC greets with the version of its protocol and offers how to log in', async () => {
  const url = await api.consoleUrl(id, 'vnc');
  const { seen } = await talk(url, {
    first: Buffer.from('RFB 003.008\n'), // sent before the token is looked up: it must not be lost
    done: (all) => all.length >= 14,
  });
  assert.equal(seen.toString('latin1', 0, 12), 'RFB 003.008\n');
  assert.deepEqual([...seen.subarray(12, 14)], [1, 1], 'one security type, none');
});

test('the serial console answers a command', async () => {
  await using guest = await api.guest(id);
  assert.equal(await guest.run('echo $((6 * 7)); hostname'), '42\nscreen');
});

test('a wrong, missing, foreign or expired token opens nothing', async () => {
  const url = new URL(await api.consoleUrl(id, 'vnc'));
  const withToken = (token: string): string => {
    url.searchParams.set('path', `console/vnc?${new URLSearchParams({ token })}`);
    return String(url);
  };
  for (const token of [randomUUID(), '', "' OR 1=1"]) {
    const { code, seen } = await talk(withToken(token));
    assert.equal(code, NO_WORD, token);
    assert.equal(seen.length, 0);
  }
  // A token of the one kind is none of the other.
  const serial = new URL(await api.consoleUrl(id, 'serial'));
  assert.equal((await talk(withToken(serial.searchParams.get('token') ?? ''))).code, NO_WORD);
  // One whose time is over.
  const late = await api.consoleUrl(id, 'vnc');
  const db = new DatabaseSync(join(cloud.dataPath, 'services', 'compute.db'));
  db.prepare('UPDATE console_tokens SET expires_at = ?').run(new Date(Date.now() - 1000).toISOString());
  db.close();
  assert.equal((await talk(late)).code, NO_WORD);
  // Tokens end with their server's life, too.
  const { id: other } = await api.boot('other', { networks: 'none' });
  await api.untilStatus(other, 'ACTIVE');
  const dead = await api.consoleUrl(other, 'vnc');
  await api.remove(other);
  assert.equal((await talk(dead)).code, NO_WORD);
});

test('a page of another origin is refused, whatever its token', async () => {
  for (const [kind, refused] of [
    ['vnc', NO_WORD],
    ['serial', 4403],
  ] as const) {
    const url = await api.consoleUrl(id, kind);
    assert.equal((await talk(url, { origin: 'http://evil.test' })).code, refused);
    assert.equal((await talk(url, { origin: 'null' })).code, refused);
  }
});

test('a console that is open ends when the guest does', async () => {
  const { id: other } = await api.boot('ends', { networks: 'none' });
  await api.untilStatus(other, 'ACTIVE');
  const socket = new WebSocket(webSocket(await api.consoleUrl(other, 'vnc')), ['binary']);
  const closed = once(socket, 'close');
  await once(socket, 'message');
  await api.remove(other);
  assert.equal((await closed)[0], 1000);
});

describe('in a browser', { skip: existsSync(CHROMIUM) ? false : 'needs chromium' }, () => {
  let browser: BrowserContext;

  before(async () => {
    browser = await chromium.launchPersistentContext(join(cloud.dataPath, 'browser'), {
      executablePath: CHROMIUM,
      headless: true,
      viewport: { width: 900, height: 600 },
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  });
  after(async () => browser?.close());

  async function open(url: string): Promise<Page & { problems: string[] }> {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    await page.goto(url);
    await page.getByText('connected', { exact: true }).waitFor({ timeout: 20_000 });
    return Object.assign(page, { problems });
  }

  test('the URL of the unmodified client shows the guest’s screen', async () => {
    const { url } = (await cloud.openstackJson(['console', 'url', 'show', 'screen'])) as { url: string };
    const page = await open(url);
    const brightPixels = async (): Promise<number> =>
      page.evaluate<number>(`(() => {
        const canvas = document.querySelector('canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let bright = 0;
        for (let at = 0; at < data.length; at += 4) if (data[at] > 100) bright += 1;
        return bright;
      })()`);
    const bright = await until(async () => (await brightPixels()) > 500 && brightPixels(), {
      deadlineMs: 20_000,
      what: 'text on the screen',
    });
    // The screen is a login: what is typed is shown.
    await page.locator('canvas').click();
    await page.keyboard.type('root', { delay: 30 });
    await page.keyboard.press('Enter');
    await until(async () => (await brightPixels()) > bright + 30, { deadlineMs: 20_000, what: 'a prompt' });
    await page.screenshot({ path: join(cloud.dataPath, 'vnc.png') });
    assert.deepEqual(page.problems, []);
    await page.close();
  });

  test('the serial page takes what is typed to the guest', async () => {
    const page = await open((await api.consoleUrl(id, 'serial')).replace(/^ws/, 'http'));
    await page.locator('.xterm').click();
    await page.keyboard.press('Enter');
    await page.keyboard.type('echo typed-$((6*7))\n', { delay: 10 });
    await page.locator('.xterm-rows').getByText('typed-42').first().waitFor({ timeout: 20_000 });
    await page.screenshot({ path: join(cloud.dataPath, 'serial.png') });
    assert.deepEqual(page.problems, []);
    await page.close();
  });
});
