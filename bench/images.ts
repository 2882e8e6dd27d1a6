// Measures the image service over a socket, in a process of its own: lists a second, upload and download MB/s, peak memory.
// Prints JSON. Run: node bench/images.ts [megabytes] [seconds]
import { fork } from 'node:child_process';
import { Agent, request } from 'node:http';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createImageClient } from '#platform/clients/image.ts';
import { httpTransport } from '#platform/clients/transport.ts';
import { startImages } from '#test/support/image-harness.ts';

const MIB = 1 << 20;
const LISTED = 10; // as the figures of other clouds that this is compared with

interface Peak {
  readonly idle_rss_mb: number;
  readonly peak_rss_mb: number;
}

if (process.argv[2] === 'serve') await serve();
else await measure(Number(process.argv[2] ?? 1024), Number(process.argv[3] ?? 5));

/** The service; it tells its address, and its memory when asked. */
async function serve(): Promise<void> {
  const images = await startImages();
  const rss = (): number => Math.round(process.memoryUsage().rss / MIB);
  const idle = rss();
  let peak = idle;
  const look = setInterval(() => (peak = Math.max(peak, rss())), 10);
  process.send?.(images.origin);
  process.on('message', (word) => {
    if (word === 'memory') process.send?.({ idle_rss_mb: idle, peak_rss_mb: peak } satisfies Peak);
    else {
      clearInterval(look);
      void images[Symbol.asyncDispose]().then(() => process.disconnect?.());
    }
  });
}

async function measure(megabytes: number, seconds: number): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ['serve']);
  const told = async (): Promise<unknown> => new Promise((resolve) => child.once('message', resolve));
  const origin = (await told()) as string;
  const client = createImageClient(httpTransport(`${origin}/image`));
  for (let count = 0; count < LISTED; count++) {
    await client.createImage('member', { name: `image ${count}`, tags: ['bench'], os_distro: 'bench' });
  }
  const lists = { at_1: await listRate(origin, 1, seconds), at_16: await listRate(origin, 16, seconds) };
  const memory = async (): Promise<Peak> => {
    const answer = told();
    child.send('memory');
    return (await answer) as Peak;
  };
  const beforeData = await memory();
  const { id } = await client.createImage('member', { disk_format: 'raw', container_format: 'bare' });
  const upload = await timed(async () =>
    client.uploadData('member', id, bytes(megabytes), { size: megabytes * MIB }),
  );
  const download = await timed(async () => {
    for await (const _ of await client.openData('member', id, 'service'));
  });
  const afterData = await memory();
  child.send('end');
  await new Promise((resolve) => child.once('exit', resolve));
  const result = {
    list_of_10_per_second: lists,
    megabytes,
    upload_mb_per_second: Math.round(megabytes / upload),
    download_mb_per_second: Math.round(megabytes / download),
    service_rss_mb: {
      idle: afterData.idle_rss_mb,
      after_lists: beforeData.peak_rss_mb,
      peak: afterData.peak_rss_mb,
    },
  };
  console.log(JSON.stringify(result, undefined, 2));
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}

function bytes(megabytes: number): Readable {
  const chunk = Buffer.alloc(MIB, 'x');
  let left = megabytes;
  return new Readable({
    highWaterMark: MIB,
    read() {
      this.push(left-- > 0 ? chunk : null);
    },
  });
}

async function listRate(origin: string, connections: number, seconds: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const end = performance.now() + seconds * 1000;
  const times: number[] = [];
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      const start = performance.now();
      await get(`${origin}/image/v2/images`, agent);
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  agent.destroy();
  times.sort((a, b) => a - b);
  const at = (part: number): number => Number((times[Math.floor(times.length * part)] ?? 0).toFixed(2));
  return { per_second: Math.round(times.length / seconds), p50_ms: at(0.5), p99_ms: at(0.99) };
}

async function get(url: string, agent: Agent): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    request(url, { agent, headers: { 'x-auth-token': 'member' } }, (answer) => {
      answer.resume().once('end', resolve);
      if (answer.statusCode !== 200) reject(new Error(`status ${answer.statusCode}`));
    })
      .once('error', reject)
      .end();
  });
}
