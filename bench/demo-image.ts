// How soon the demo guest is up under QEMU's emulated CPU, by way of booting. Prints JSON.
//   node bench/demo-image.ts [runs]
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { buildDemoImage } from '#cloud/demo-image/build.ts';
import type { DemoImage } from '#cloud/demo-image/build.ts';
import { Guest } from '#cloud/demo-image/testing/guest.ts';
import type { GuestOptions } from '#cloud/demo-image/testing/guest.ts';
import { createConfigDriveWriter } from '#drivers/config-drive/real.ts';

const run = promisify(execFile);
const RUNS = Number(process.argv[2] ?? 3);

interface Variant {
  readonly name: string;
  readonly boot: 'disk' | 'direct';
  readonly memoryMebibytes: number;
  readonly bus: 'virtio' | 'ide';
  readonly args?: string;
  readonly extra?: readonly string[];
}

const variants: Variant[] = [
  { name: 'direct kernel', boot: 'direct', memoryMebibytes: 128, bus: 'virtio' },
  { name: 'direct kernel, 96 MiB', boot: 'direct', memoryMebibytes: 96, bus: 'virtio' },
  { name: 'direct kernel, 256 MiB', boot: 'direct', memoryMebibytes: 256, bus: 'virtio' },
  { name: 'direct kernel, config drive on IDE', boot: 'direct', memoryMebibytes: 128, bus: 'ide' },
  {
    name: 'direct kernel, plain arguments',
    boot: 'direct',
    memoryMebibytes: 128,
    bus: 'virtio',
    args: 'console=tty0 console=ttyS0,115200',
  },
  { name: 'own boot loader', boot: 'disk', memoryMebibytes: 128, bus: 'virtio' },
  {
    name: 'direct kernel, 2 CPUs',
    boot: 'direct',
    memoryMebibytes: 128,
    bus: 'virtio',
    extra: ['-smp', '2'],
  },
  {
    name: 'direct kernel, default CPU model',
    boot: 'direct',
    memoryMebibytes: 128,
    bus: 'virtio',
    extra: ['-cpu', 'qemu64'],
  },
];

async function cpuSeconds(pid: number | undefined): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  // utime and stime, in hundredths of a second.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

type Measurement = Readonly<Record<'boot' | 'net' | 'ready' | 'uptime' | 'cpu' | 'powerOff', number>>;

async function measure(
  directory: string,
  image: DemoImage,
  drive: string,
  variant: Variant,
): Promise<Measurement> {
  const disk = path.join(directory, 'disk.qcow2');
  const base = variant.boot === 'disk' ? image.disk : image.rootDisk;
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', disk, '256M']);
  const options: GuestOptions = {
    directory,
    disk,
    memoryMebibytes: variant.memoryMebibytes,
    configDrive: { file: drive, bus: variant.bus },
    extra: variant.extra,
    direct:
      variant.boot === 'direct'
        ? { kernel: image.kernel, initrd: image.initrd, args: variant.args ?? image.kernelArgs }
        : undefined,
  };
  await using guest = await Guest.start(options);
  const seconds = () => (performance.now() - guest.startedAt) / 1000;
  await guest.waitFor(/PILEUS-BOOT/, 60_000);
  const boot = seconds();
  await guest.waitFor(/PILEUS-NET eth0/, 30_000);
  const net = seconds();
  const uptime = Number((await guest.waitFor(/PILEUS-READY ([\d.]+)\n/, 30_000))[1]);
  const ready = seconds();
  const cpu = await cpuSeconds(guest.pid);
  await guest.waitFor(/ login: /, 30_000);
  const down = performance.now();
  await guest.monitor('system_powerdown');
  await guest.waitForExit(10_000);
  return { boot, net, ready, uptime, cpu, powerOff: (performance.now() - down) / 1000 };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round((sorted[Math.floor(sorted.length / 2)] ?? Number.NaN) * 100) / 100;
}

const directory = await mkdtemp(path.join(tmpdir(), 'pileus-demo-bench-'));
try {
  const workDir = path.join(directory, 'work');
  await mkdir(workDir);
  const image = await buildDemoImage({ workDir, outDir: path.join(directory, 'out') });
  const drive = path.join(directory, 'config.iso');
  const files = new Map([
    [
      'openstack/latest/meta_data.json',
      JSON.stringify({ uuid: 'bench', hostname: 'bench', public_keys: {} }),
    ],
  ]);
  await createConfigDriveWriter().write({ target: drive, files, modified: new Date() });
  const results = [];
  for (const variant of variants) {
    const runs: Measurement[] = [];
    for (let index = 0; index < RUNS; index++) runs.push(await measure(directory, image, drive, variant));
    const of = (key: keyof Measurement) => median(runs.map((one) => one[key]));
    results.push({
      name: variant.name,
      seconds: {
        boot: of('boot'),
        net: of('net'),
        ready: of('ready'),
        cpu: of('cpu'),
        powerOff: of('powerOff'),
      },
      guestUptimeAtReady: of('uptime'),
    });
  }
  const bytes = {
    disk: (await stat(image.disk)).size,
    initrd: (await stat(image.initrd)).size,
    rootDisk: (await stat(image.rootDisk)).size,
  };
  const report = { runs: RUNS, load: loadavg()[0], buildSeconds: image.buildSeconds, bytes, results };
  console.log(JSON.stringify(report, null, 2));
} finally {
  await rm(directory, { recursive: true, force: true });
}
