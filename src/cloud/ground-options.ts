/** What a ground is asked to be and what it then is. The contract between bring-up and the services' assembly. */
import type { CephCluster } from '#drivers/rbd/access.ts';
import type { ExistingClusterFiles } from '#drivers/rbd/existing-cluster.ts';
import type { Progress } from './progress.ts';
import type { OpenDataDirectory } from './data-directory.ts';

export type GroundOptions = {
  /** Opened (locked) by the caller, who closes it after the ground. */
  data: OpenDataDirectory;
  /** Number of hosts on this machine, each with its own switch and libvirt; default 1. */
  hosts?: number | undefined;
  /** `private` (default): own OVN and Open vSwitch as children. `system`: those of the machine. */
  network?: 'private' | 'system' | undefined;
  /** URI of a libvirt of the machine; without it a private one a host is started. */
  hypervisor?: string | undefined;
  /** Endpoints for `network: 'system'`; default those of Debian's packages. */
  endpoints?: { nb?: string | undefined; sb?: string | undefined; ovs?: string | undefined } | undefined;
  /** Subnet of the provider network for `network: 'system'`, where it cannot be chosen. */
  providerCidr?: string | undefined;
  /** Where volumes, images and root disks are: `file` (default) on the hosts, `ceph` in a Ceph cluster. */
  storage?: 'file' | 'ceph' | undefined;
  /** Files of a cluster that is there; without them one of the cloud's own is started. */
  ceph?: ExistingClusterFiles | undefined;
  progress?: Progress | undefined;
  signal?: AbortSignal | undefined;
};

export type HostDirectories = {
  /** hosts/<name> in the data directory; everything of the host is below. */
  top: string;
  /** Database and sockets of its switch. */
  ovs: string;
  libvirt: string;
};

export type GroundHost = {
  name: string;
  /** OVSDB endpoint of its switch. */
  ovs: string;
  /** `shared`: of the machine, which others use too. */
  libvirt: { socket: string; shared: boolean };
  /** Directory of the control sockets of its switch. */
  rundir: string;
  /** Network namespace its programs run in; undefined is the machine's own. */
  netns: string | undefined;
  datapath: 'netdev' | 'system';
  accel: 'tcg' | 'kvm';
  integrationBridge: string;
  dirs: HostDirectories;
};

export type GroundProvider = {
  /** Name of the physical network in bridge mappings. */
  physnet: string;
  bridge: string;
  cidr: string;
  /** The machine's own address in the subnet, which is the gateway of floating IPs. */
  gatewayIp: string;
  /** Where the gateway address lives; undefined is the machine's own namespace. */
  netns: string | undefined;
};

export type Ground = AsyncDisposable & {
  /** OVSDB endpoints, as `unix:/path`. */
  nb: string;
  sb: string;
  hosts: GroundHost[];
  provider: GroundProvider;
  /** With `storage: 'ceph'`. */
  ceph: CephCluster | undefined;
  /**
   * Resolves when the private libvirts have answered. The ground stands earlier: the first start ever of libvirt
   * on a machine asks QEMU for its abilities for seconds, and nothing but the first guest needs to wait for that.
   */
  hypervisorsReady: Promise<void>;
  /** Ends everything in order. May be called twice. */
  close(): Promise<void>;
};
