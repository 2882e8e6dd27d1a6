// What the model of a hypervisor tells of its host and of guests that do nothing. Called by fake.ts.
import type { HypervisorCapabilities } from './port.ts';

export const CAPABILITIES: HypervisorCapabilities = {
  hypervisor: 'QEMU',
  version: 7_002_000,
  hostname: 'simulated-host',
  arch: 'x86_64',
  cpus: 16,
  sockets: 1,
  cores: 8,
  threads: 2,
  memoryMb: 65_536,
  cpuModel: 'simulated',
  cpuVendor: 'Pileus',
  cpuFeatures: [],
  accels: ['tcg', 'kvm'],
  machines: ['pc', 'q35'],
};

export const NO_TRAFFIC = {
  rxBytes: 0n,
  rxPackets: 0n,
  rxErrors: 0n,
  rxDrop: 0n,
  txBytes: 0n,
  txPackets: 0n,
  txErrors: 0n,
  txDrop: 0n,
};
export const NO_REQUESTS = { readBytes: 0n, readRequests: 0n, writeBytes: 0n, writeRequests: 0n };
