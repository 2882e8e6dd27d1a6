// What a host offers, for the scheduler and for `hypervisor show`: asked of the hypervisor and the file system.
import { mkdir, readFile, statfs } from 'node:fs/promises';
import type { HostReport } from '../rpc.ts';
import type { HostDeps } from './deps.ts';
import { instancesDir } from './paths.ts';

/** Placement's standard traits for the CPU features that libvirt names. */
const CPU_TRAITS: ReadonlyMap<string, string> = new Map([
  ['avx', 'HW_CPU_X86_AVX'],
  ['avx2', 'HW_CPU_X86_AVX2'],
  ['sse', 'HW_CPU_X86_SSE'],
  ['sse2', 'HW_CPU_X86_SSE2'],
  ['sse4.1', 'HW_CPU_X86_SSE41'],
  ['sse4.2', 'HW_CPU_X86_SSE42'],
  ['ssse3', 'HW_CPU_X86_SSSE3'],
  ['fma', 'HW_CPU_X86_FMA3'],
  ['vmx', 'HW_CPU_X86_VMX'],
  ['svm', 'HW_CPU_X86_SVM'],
  ['aes', 'HW_CPU_X86_AESNI'],
]);

const COMPUTE_TRAITS = [
  'COMPUTE_NODE',
  'COMPUTE_NET_ATTACH_INTERFACE',
  'COMPUTE_NET_ATTACH_INTERFACE_WITH_TAG',
  'COMPUTE_DEVICE_TAGGING',
  'COMPUTE_IMAGE_TYPE_QCOW2',
  'COMPUTE_IMAGE_TYPE_RAW',
  'COMPUTE_STORAGE_BUS_VIRTIO',
  'COMPUTE_NET_VIF_MODEL_VIRTIO',
  'COMPUTE_RESCUE_BFV',
];

export async function hostReport({ config, hypervisor }: HostDeps): Promise<HostReport> {
  const facts = await hypervisor.capabilities();
  const fixed = config.resources;
  return {
    host: config.host,
    hypervisor_hostname: config.host,
    hypervisor_type: config.simulated ? 'simulated' : 'QEMU',
    hypervisor_version: facts.version,
    host_ip: config.hostIp,
    vcpus: fixed?.vcpus ?? facts.cpus,
    memory_mb: fixed?.memoryMb ?? facts.memoryMb,
    local_gb: fixed?.diskGb ?? config.diskGb ?? (await diskGb(instancesDir(config))),
    cpu_info: {
      arch: facts.arch,
      model: facts.cpuModel,
      vendor: facts.cpuVendor,
      topology: { sockets: facts.sockets, cores: facts.cores, threads: facts.threads },
      features: facts.cpuFeatures,
    },
    traits: [...COMPUTE_TRAITS, ...facts.cpuFeatures.flatMap((feature) => CPU_TRAITS.get(feature) ?? [])],
    supported_instances: [[facts.arch, config.accel === 'kvm' ? 'kvm' : 'qemu', 'hvm']],
    simulated: config.simulated,
    ...(await bootedAt()),
  };
}

/** From the kernel, whose word does not change from one report to the next. */
async function bootedAt(): Promise<Pick<HostReport, 'booted_at'>> {
  const [, seconds] = /^btime (\d+)$/m.exec(await readFile('/proc/stat', 'utf8').catch(() => '')) ?? [];
  return seconds === undefined ? {} : { booted_at: new Date(Number(seconds) * 1000).toISOString() };
}

async function diskGb(dir: string): Promise<number> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const { blocks, bsize } = await statfs(dir);
  return Math.floor((blocks * bsize) / 2 ** 30);
}
