// Options of one host's compute agent, with defaults.

export interface HostConfig {
  readonly host: string;
  /** Instances' directories and the image cache lie here. */
  readonly dataDir: string;
  readonly hostIp: string;
  readonly accel: 'kvm' | 'tcg';
  readonly machine: string;
  /** True when the drivers are the models of src/sim. */
  readonly simulated: boolean;
  /** True for a hypervisor of the host's own, whose guests are gone when it is; the machine's libvirt leaves them running. */
  readonly guestsEndWithHypervisor: boolean;
  /** GiB that instances may fill; the file system's size when absent. */
  readonly diskGb?: number;
  /** Physical resources to report instead of the hypervisor's own, for simulated hosts. */
  readonly resources?: { readonly vcpus: number; readonly memoryMb: number; readonly diskGb: number };
  /** How long a port may take to come up before the launch is unwound. Upstream waits 300 s; a healthy OVN needs 20 ms. */
  readonly portUpDeadlineMs: number;
  readonly imageDeadlineMs: number;
  /** How long a volume may take to be made; one from an image is filled within. */
  readonly volumeDeadlineMs: number;
  readonly spawnDeadlineMs: number;
  /** How long a guest may take to power off before it is ended. Upstream's shutdown_timeout is 60 s. */
  readonly shutdownGraceMs: number;
  /** The same when the host itself is closed: whoever stops a cloud waits for it. */
  readonly closingGraceMs: number;
  /** Servers that leave at once while they run; others wait for their turn. 0: no bound. */
  readonly maxConcurrentLiveMigrations: number;
  readonly heartbeatMs: number;
  readonly auditMs: number;
}

export const HOST_DEFAULTS = {
  hostIp: '127.0.0.1',
  accel: 'tcg',
  machine: 'pc',
  simulated: false,
  guestsEndWithHypervisor: true,
  portUpDeadlineMs: 60_000,
  imageDeadlineMs: 600_000,
  volumeDeadlineMs: 600_000,
  spawnDeadlineMs: 120_000,
  shutdownGraceMs: 60_000,
  closingGraceMs: 10_000,
  maxConcurrentLiveMigrations: 1,
  heartbeatMs: 10_000,
  auditMs: 60_000,
} as const satisfies Partial<HostConfig>;
