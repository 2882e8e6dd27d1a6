// Measures launches on real parts, beside the floor in the same run: the same domain through libvirt alone, and a port
// bound in OVN by hand. Prints JSON. `node bench/launch.ts [in-a-row=20] [at-once=10]`
import { loadavg } from 'node:os';
import type { LaunchTrace } from '#compute/servers/launch-trace/view.ts';
import { cachedImage, measureFloor } from './support/floor.ts';
import { startCloudProcess, type Session } from './support/cloud-process.ts';
import { round, summarize } from './support/statistics.ts';

const inARow = Number(process.argv[2] ?? 20);
const atOnce = Number(process.argv[3] ?? 10);
const POLL_MS = 5;

interface Launch {
  readonly id: string;
  readonly answeredMs: number;
  readonly activeMs: number;
}

async function launch(
  session: Session,
  name: string,
  wishes: { image: string; flavor: string; network: string },
): Promise<Launch> {
  const started = performance.now();
  const { status, body } = await session.request('POST', '/compute/v2.1/servers', {
    server: { name, imageRef: wishes.image, flavorRef: wishes.flavor, networks: [{ uuid: wishes.network }] },
  });
  const answeredMs = performance.now() - started;
  if (status !== 202) throw new Error(`POST /servers answered ${status}: ${JSON.stringify(body)}`);
  const { id } = (body as { server: { id: string } }).server;
  for (;;) {
    const shown = (await session.request('GET', `/compute/v2.1/servers/${id}`)).body as {
      server: { status: string; fault?: unknown };
    };
    if (shown.server.status === 'ACTIVE') return { id, answeredMs, activeMs: performance.now() - started };
    if (shown.server.status === 'ERROR')
      throw new Error(`launch failed: ${JSON.stringify(shown.server.fault)}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function remove(session: Session, id: string): Promise<number> {
  const started = performance.now();
  await session.request('DELETE', `/compute/v2.1/servers/${id}`);
  while ((await session.request('GET', `/compute/v2.1/servers/${id}`)).status !== 404)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  return performance.now() - started;
}

async function hopsOf(
  admin: Session,
  ids: readonly string[],
): Promise<Record<string, { medianMs: number; startMs: number }>> {
  const durations = new Map<string, number[]>();
  const starts = new Map<string, number[]>();
  for (const id of ids) {
    const { launch_trace: trace } = (await admin.get(`/compute/v2.1/servers/${id}/launch-trace`)) as {
      launch_trace: LaunchTrace;
    };
    const zero = Math.min(...trace.hops.map((hop) => Date.parse(hop.started_at)));
    for (const hop of trace.hops) {
      durations.set(hop.hop, [...(durations.get(hop.hop) ?? []), hop.duration_ms ?? Number.NaN]);
      starts.set(hop.hop, [...(starts.get(hop.hop) ?? []), Date.parse(hop.started_at) - zero]);
    }
  }
  return Object.fromEntries(
    [...durations].map(([hop, values]) => [
      hop,
      { medianMs: summarize(values).median, startMs: summarize(starts.get(hop) ?? []).median },
    ]),
  );
}

await using cloud = await startCloudProcess();
const session = await cloud.access();
const admin = await cloud.access('pileus-admin');
const project = ((await admin.get('/identity/v3/projects?name=demo')) as { projects: Array<{ id: string }> })
  .projects[0]!; // made at first boot
await admin.request('PUT', `/compute/v2.1/os-quota-sets/${project.id}`, {
  quota_set: { instances: 100, cores: 100, ram: 1_000_000 },
});
/** Ten guests of one vCPU on two processors need more than the usual ratio of 4. */
async function raiseVcpuRatio(): Promise<void> {
  const {
    resource_providers: [provider],
  } = (await admin.get('/placement/resource_providers')) as {
    resource_providers: Array<{ uuid: string; generation: number }>;
  };
  const path = `/placement/resource_providers/${provider!.uuid}/inventories/VCPU`; // the one host reported itself at the start
  const inventory = (await admin.get(path)) as Record<string, unknown>;
  const { status } = await admin.request('PUT', path, { ...inventory, allocation_ratio: 16 });
  if (status !== 200) throw new Error(`the ratio could not be raised: ${status}`);
}
await raiseVcpuRatio();
const images = (await session.get('/image/v2/images?name=pileus-demo')) as { images: Array<{ id: string }> };
const flavors = (await session.get('/compute/v2.1/flavors')) as {
  flavors: Array<{ id: string; name: string }>;
};
const networks = (await session.get('/network/v2.0/networks?name=private')) as {
  networks: Array<{ id: string }>;
};
const wishes = {
  image: images.images[0]?.id ?? '',
  flavor: flavors.flavors.find((each) => each.name === 'm1.nano')?.id ?? '',
  network: networks.networks[0]?.id ?? '',
};

const warm = await launch(session, 'warm', wishes);
await remove(session, warm.id);
const row: Launch[] = [];
const removals: number[] = [];
const floors: Array<Awaited<ReturnType<typeof measureFloor>>> = [];
for (let i = 0; i < inARow; i++) {
  row.push(await launch(session, `row-${i}`, wishes));
  removals.push(await remove(session, row.at(-1)!.id)); // just pushed
  if (i % 2 === 0)
    floors.push(
      await measureFloor(cloud.dataPath, { memoryMb: 192, baseImage: cachedImage(cloud.dataPath) }),
    );
}
const hops = await hopsOf(
  admin,
  row.map((each) => each.id),
);
const burstStart = performance.now();
const burst = await Promise.all(
  Array.from({ length: atOnce }, async (_, i) => launch(session, `burst-${i}`, wishes)),
);
const burstMs = performance.now() - burstStart;
const rssMb = cloud.rssMb();
for (const each of burst) await remove(session, each.id);

console.log(
  JSON.stringify(
    {
      what: 'launch on real parts, warm image cache, TCG where KVM does not run guests',
      load: loadavg().map(round),
      start: { firstTokenMs: round(cloud.firstTokenMs), readyMs: round(cloud.readyMs) },
      inARow: {
        answeredMs: summarize(row.map((each) => each.answeredMs)),
        activeMs: summarize(row.map((each) => each.activeMs)),
        deletedMs: summarize(removals),
      },
      atOnce: {
        n: atOnce,
        lastActiveMs: round(burstMs),
        activeMs: summarize(burst.map((each) => each.activeMs)),
      },
      floor: {
        domainMs: summarize(floors.map((each) => each.domainMs)),
        portMs: summarize(floors.map((each) => each.portMs)),
        bothMs: summarize(floors.map((each) => each.bothMs)),
      },
      hops,
      rssMb: round(rssMb),
    },
    null,
    2,
  ),
);
