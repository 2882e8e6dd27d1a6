/** `pileus up`: brings a cloud up and stays until it is told to end; with --detach it leaves it running. */
import { existsSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';

import type { UpOptions } from '#cloud/up.ts';
import { DEFAULT_LISTEN, defaultDataPath, defaultTraceEndpoint, isRoot, toPath } from './config.ts';
import { parseListen } from './parse-listen.ts';

export type UpFlags = {
  data: string;
  listen: string;
  hosts?: number;
  network: 'private' | 'system';
  hypervisor?: string;
  nb?: string;
  sb?: string;
  ovs?: string;
  providerCidr?: string;
  storage?: 'file' | 'ceph';
  cephConf?: string;
  cephKeyring?: string;
  simulated?: boolean;
  behaviours?: string;
  otlp?: string;
  detach?: boolean;
};

export function upCommand(): Command {
  return new Command('up')
    .description('start a cloud on this machine, and install what it needs')
    .option('--data <directory>', 'where all its state is', toPath, defaultDataPath())
    .option('--listen <address:port>', 'its one listener', parseListen, DEFAULT_LISTEN)
    .option('--simulated', 'on working models of all programs: no root, no guests that run')
    .option('--behaviours <file>', 'with --simulated: what goes wrong, see docs/simulation.md', toPath)
    .option(
      '--hosts <number>',
      'hosts, each with its own switch and libvirt (default 1; simulated 3)',
      parseCount,
    )
    .addOption(
      new Option('--network <whose>', 'whose Open vSwitch and OVN')
        .choices(['private', 'system'])
        .default('private'),
    )
    .option('--hypervisor <uri>', "the machine's libvirt, such as qemu:///system, in place of a private one")
    .option('--nb <endpoint>', "northbound database with --network system (default Debian's)")
    .option('--sb <endpoint>', 'southbound database with --network system')
    .option('--ovs <endpoint>', 'Open vSwitch database with --network system')
    .addOption(
      new Option(
        '--storage <where>',
        'where volumes, images and disks are: in files (default), or in a Ceph cluster',
      ).choices(['file', 'ceph']),
    )
    .option('--ceph-conf <file>', 'ceph.conf of a cluster that is there, in place of a private one', toPath)
    .option('--ceph-keyring <file>', 'keys of its users cinder, cinder-backup, glance and nova', toPath)
    .option('--provider-cidr <cidr>', 'subnet of the provider network with --network system')
    .option(
      '--otlp <endpoint>',
      'send OpenTelemetry spans there, as http://127.0.0.1:4318 (default OTEL_EXPORTER_OTLP_ENDPOINT)',
      parseEndpoint,
      defaultTraceEndpoint(),
    )
    .option('--detach', 'leave it running and return when it is ready')
    .option('--foreground', 'stay, and end with Ctrl-C (the default)')
    .action(async (flags: UpFlags) => {
      if (!flags.simulated && !isRoot()) {
        throw new Error(
          'networks and guests need root: run it as root, or use --simulated, which needs nothing',
        );
      }
      if (flags.detach) return (await import('./up/detach.ts')).upDetached(flags);
      return (await import('./up/foreground.ts')).upForeground(upOptions(flags));
    });
}

function upOptions(flags: UpFlags): UpOptions {
  return {
    dataPath: flags.data,
    listen: flags.listen,
    hosts: flags.hosts,
    network: flags.network,
    hypervisor: flags.hypervisor,
    endpoints: { nb: flags.nb, sb: flags.sb, ovs: flags.ovs },
    providerCidr: flags.providerCidr,
    storage: flags.storage,
    ceph: existingCluster(flags),
    simulated: flags.simulated,
    behavioursFile: flags.behaviours,
    traceEndpoint: flags.otlp,
  };
}

function existingCluster({ storage, cephConf, cephKeyring, simulated }: UpFlags): UpOptions['ceph'] {
  if (storage === 'ceph' && simulated) throw new Error('--simulated has no Ceph: leave out --storage');
  if (cephConf === undefined && cephKeyring === undefined) return undefined;
  if (storage !== 'ceph') throw new Error('--ceph-conf and --ceph-keyring go with --storage ceph');
  if (cephConf === undefined || cephKeyring === undefined)
    throw new Error('a cluster that is there is named by both --ceph-conf and --ceph-keyring');
  for (const file of [cephConf, cephKeyring])
    if (!existsSync(file)) throw new Error(`there is no file ${file}`);
  return { conf: cephConf, keyring: cephKeyring };
}

function parseEndpoint(value: string): string {
  if (!URL.canParse(value) || !/^https?:/.test(value))
    throw new InvalidArgumentError('It is an address, such as http://127.0.0.1:4318.');
  return value;
}

function parseCount(value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('It is a number from 1.');
  return count;
}
