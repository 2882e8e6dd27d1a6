// Measures volumes on real parts: create → available, attach → device in the guest, boot from volume → ACTIVE, image up-
// and download with the process's peak memory. Prints JSON. `node bench/volumes.ts [file|ceph] [rounds=10] [image-MiB=512]`
import { loadavg } from 'node:os';
import { CloudApi } from '#test/support/guest-cloud.ts';
import { startCloudProcess, type CloudProcess, type Session } from './support/cloud-process.ts';
import { round, summarize } from './support/statistics.ts';

const storage = process.argv[2] ?? 'file';
const rounds = Number(process.argv[3] ?? 10);
const imageMib = Number(process.argv[4] ?? 512);
const POLL_MS = 5;
const MIB = 2 ** 20;
const DEADLINE_MS = 120_000;

type Json = Record<string, unknown>;

async function call(session: Session, method: string, path: string, body?: Json): Promise<Json> {
  const answer = await session.request(method, path, body);
  if (answer.status >= 400)
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return (answer.body ?? {}) as Json;
}

/** Milliseconds from `begin` until the resource at the path that it returns is `status`. */
async function until(
  session: Session,
  kind: string,
  status: string,
  begin: () => Promise<string>,
): Promise<{ ms: number; path: string }> {
  const started = performance.now();
  const path = await begin();
  for (;;) {
    const shown = (await call(session, 'GET', path))[kind] as { status: string; fault?: unknown };
    if (shown.status === status) return { ms: performance.now() - started, path };
    if (/error/i.test(shown.status) || performance.now() - started > DEADLINE_MS)
      throw new Error(`${path} is ${shown.status}: ${JSON.stringify(shown)}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function gone(session: Session, path: string): Promise<number> {
  const started = performance.now();
  await call(session, 'DELETE', path);
  while ((await session.request('GET', path)).status !== 404) {
    if (performance.now() - started > DEADLINE_MS) throw new Error(`${path} does not go`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return performance.now() - started;
}

const make = async (session: Session, kind: 'volume' | 'snapshot', body: Json): Promise<string> => {
  const made = (await call(session, 'POST', `/volume/v3/${kind}s`, { [kind]: body }))[kind] as { id: string };
  return `/volume/v3/${kind}s/${made.id}`;
};
const idOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

async function volumes(session: Session, image: string): Promise<Json> {
  const times: Record<string, number[]> = { blank: [], image: [], snapshot: [], clone: [], deleted: [] };
  for (let turn = 0; turn < rounds; turn++) {
    const create = async (body: Json) =>
      until(session, 'volume', 'available', async () => make(session, 'volume', { size: 1, ...body }));
    const blank = await create({});
    const filled = await create({ imageRef: image });
    const snapshot = await until(session, 'snapshot', 'available', async () =>
      make(session, 'snapshot', { volume_id: idOf(filled.path) }),
    );
    const clone = await create({ snapshot_id: idOf(snapshot.path) });
    times['blank']?.push(blank.ms);
    times['image']?.push(filled.ms);
    times['snapshot']?.push(snapshot.ms);
    times['clone']?.push(clone.ms);
    for (const { path } of [clone, snapshot, filled]) await gone(session, path);
    times['deleted']?.push(await gone(session, blank.path));
  }
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [`${name}_ms`, summarize(values)]));
}

async function bootFromVolume(
  session: Session,
  image: string,
  flavor: string,
  network: string,
): Promise<Json> {
  const active: number[] = [];
  const deleted: number[] = [];
  let copied: unknown;
  for (let turn = 0; turn < rounds; turn++) {
    const { ms, path } = await until(session, 'server', 'ACTIVE', async () => {
      const made = (await call(session, 'POST', '/compute/v2.1/servers', {
        server: {
          name: `bfv-${turn}`,
          flavorRef: flavor,
          networks: [{ uuid: network }],
          block_device_mapping_v2: [
            {
              boot_index: 0,
              uuid: image,
              source_type: 'image',
              destination_type: 'volume',
              volume_size: 1,
              delete_on_termination: true,
            },
          ],
        },
      })) as { server: { id: string } };
      return `/compute/v2.1/servers/${made.server.id}`;
    });
    active.push(ms);
    const { launch_trace: trace } = (await call(session, 'GET', `${path}/launch-trace`)) as {
      launch_trace: { hops: Array<{ hop: string; evidence: Json }> };
    };
    const scheduled = trace.hops.find(({ hop }) => hop === 'volume.schedule')?.evidence['volumes'];
    copied = (scheduled as ReadonlyArray<Json> | undefined)?.[0]?.['bytes_copied'];
    deleted.push(await gone(session, path));
  }
  return { active_ms: summarize(active), deleted_ms: summarize(deleted), bytes_copied: copied };
}

/** Until the guest itself has the device; and until the API says that the volume is in use. */
async function attach(cloud: CloudProcess, session: Session): Promise<Json> {
  const api = await CloudApi.at(await cloud.access());
  const server = await api.boot('bench-attach');
  await using guest = await api.guest(server.id);
  const { path } = await until(session, 'volume', 'available', async () =>
    make(session, 'volume', { size: 1 }),
  );
  const inGuest: number[] = [];
  const inUse: number[] = [];
  const detached: number[] = [];
  for (let turn = 0; turn < rounds; turn++) {
    const started = performance.now();
    const seen = guest
      .run('until ls /sys/block | grep -q vdb; do usleep 5000; done')
      .then(() => inGuest.push(performance.now() - started));
    const used = await until(session, 'volume', 'in-use', async () => {
      await call(session, 'POST', `/compute/v2.1/servers/${server.id}/os-volume_attachments`, {
        volumeAttachment: { volumeId: idOf(path) },
      });
      return path;
    });
    inUse.push(used.ms);
    await seen;
    const freed = await until(session, 'volume', 'available', async () => {
      await call(session, 'DELETE', `/compute/v2.1/servers/${server.id}/os-volume_attachments/${idOf(path)}`);
      return path;
    });
    detached.push(freed.ms);
  }
  await gone(session, `/compute/v2.1/servers/${server.id}`);
  await gone(session, path);
  return {
    in_use_ms: summarize(inUse),
    device_in_guest_ms: summarize(inGuest),
    detached_ms: summarize(detached),
  };
}

async function imageData(cloud: CloudProcess, session: Session): Promise<Json> {
  const { id } = (await call(session, 'POST', '/image/v2/images', {
    name: 'bench',
    disk_format: 'raw',
    container_format: 'bare',
  })) as { id: string };
  const url = `${cloud.origin}/image/v2/images/${id}/file`;
  const headers = { 'x-auth-token': session.token, 'content-type': 'application/octet-stream' };
  let peak = cloud.rssMb();
  const idle = peak;
  const look = setInterval(() => (peak = Math.max(peak, cloud.rssMb())), 20);
  const chunk = Buffer.alloc(MIB, 'x');
  async function* bytes(): AsyncGenerator<Buffer> {
    for (let sent = 0; sent < imageMib; sent++) yield chunk;
  }
  const timed = async (work: () => Promise<void>): Promise<number> => {
    const started = performance.now();
    await work();
    return (performance.now() - started) / 1000;
  };
  const up = await timed(async () => {
    const answer = await fetch(url, {
      method: 'PUT',
      headers,
      body: ReadableStream.from(bytes()),
      duplex: 'half',
    });
    if (answer.status !== 204) throw new Error(`upload: ${answer.status} ${await answer.text()}`);
  });
  const down = await timed(async () => {
    let size = 0;
    for await (const part of (await fetch(url, { headers })).body ?? []) size += (part as Uint8Array).length;
    if (size !== imageMib * MIB) throw new Error(`downloaded ${size} bytes`);
  });
  clearInterval(look);
  await gone(session, `/image/v2/images/${id}`);
  return {
    mib: imageMib,
    upload_mib_per_second: Math.round(imageMib / up),
    download_mib_per_second: Math.round(imageMib / down),
    rss_mb: { idle: round(idle), peak: round(peak) },
  };
}

await using cloud = await startCloudProcess(storage === 'file' ? [] : ['--storage', storage]);
const session = await cloud.access();
const api = await CloudApi.at(session);
const image = await api.imageId('pileus-demo');
const flavor = await api.flavorId('m1.nano');
const { id: network } = await api.find('network', 'name=private');
const result = {
  storage,
  rounds,
  ready_ms: round(cloud.readyMs),
  volumes: await volumes(session, image),
  attach: await attach(cloud, session),
  boot_from_volume: await bootFromVolume(session, image, flavor, network),
  image_data: await imageData(cloud, session),
  process_rss_mb: round(cloud.rssMb()),
  load: round(loadavg()[0] ?? 0),
};
console.log(JSON.stringify(result, undefined, 2));
