/** `--network system`: the machine's own OVN and Open vSwitch are used as they are; here their settings are read. */
import { dirname } from 'node:path';
import { runCommand } from '#platform/supervise/run-command.ts';
import ipaddr from 'ipaddr.js';
import { MachineUnfit } from '../errors.ts';
import type { GroundContext, GroundStep } from '../ground-context.ts';
import { claimNorthbound } from '#network/ovn/remove-own-rows.ts';
import { recordMachineParts } from '../machine-parts.ts';
import { INTEGRATION_BRIDGE } from './host-switch.ts';
import { libvirtSocketOf } from './system-hypervisor.ts';

const DEFAULTS = {
  nb: 'unix:/var/run/ovn/ovnnb_db.sock',
  sb: 'unix:/var/run/ovn/ovnsb_db.sock',
  ovs: 'unix:/var/run/openvswitch/db.sock',
};

/** Control sockets are beside that of the database. */
export function rundirOf(ovs: string): string {
  return dirname((ovs.startsWith('unix:') ? ovs : DEFAULTS.ovs).slice('unix:'.length));
}

export const systemNetwork: GroundStep = {
  name: 'system-network',
  title: "The machine's Open vSwitch and OVN",
  needs: ['packages', 'leftovers', 'machine-network'],
  do: async (context, { signal }) => {
    const nb = context.options.endpoints?.nb ?? DEFAULTS.nb;
    const sb = context.options.endpoints?.sb ?? DEFAULTS.sb;
    const ovs = context.options.endpoints?.ovs ?? DEFAULTS.ovs;
    const vsctl = async (...args: string[]): Promise<string> => {
      const { stdout } = await runCommand(['ovs-vsctl', `--db=${ovs}`, '--timeout=5', ...args], { signal });
      return stdout.trim().replace(/^"(.*)"$/, '$1');
    };
    const id = (key: string): Promise<string> =>
      vsctl('--if-exists', 'get', 'Open_vSwitch', '.', `external-ids:${key}`);
    const bridge = (await id('ovn-bridge')) || INTEGRATION_BRIDGE;
    const hostname = (await id('hostname')) || (await id('system-id'));
    if (hostname === '' || (await id('ovn-remote')) === '') {
      throw new MachineUnfit(
        `Open vSwitch at ${ovs} is not set up for OVN`,
        'Set external-ids:system-id and ovn-remote',
      );
    }
    const isBridge = (await vsctl('list-br')).split('\n').includes(bridge);
    if (!isBridge) {
      throw new MachineUnfit(
        `Open vSwitch at ${ovs} has no bridge ${bridge}, which ovn-controller makes when it starts`,
        'Start ovn-controller (package ovn-host)',
      );
    }
    const type = await vsctl('get', 'Bridge', bridge, 'datapath_type');
    const datapath = type === 'netdev' ? 'netdev' : 'system';
    context.provider = providerOf(context, await id('ovn-bridge-mappings'));
    const { hypervisor } = context.options;
    await claim(nb, context);
    // From here on a kill leaves something that the next `up` or `down` has to find.
    recordMachineParts(context.data, {
      nb,
      sb,
      ovs,
      hostname,
      libvirt: hypervisor === undefined ? undefined : libvirtSocketOf(hypervisor),
    });
    context.system = { nb, sb, ovs, hostname, datapath, bridge };
    context.datapath = datapath;
  },
};

/** Rows of two clouds in one database would be taken for leftovers by each of them. */
async function claim(nb: string, { data }: GroundContext): Promise<void> {
  const holder = await claimNorthbound(nb, data.prefix);
  if (holder === undefined) return;
  const whose =
    holder === 'unmarked' ? 'of another cloud, such as an OpenStack' : `of the cloud with the mark ${holder}`;
  throw new MachineUnfit(
    `OVN's northbound database at ${nb} holds the networks ${whose}`,
    'Use an OVN that serves no other cloud, or a private one. If that cloud is gone for good: ovn-nbctl remove NB_Global . external_ids pileus-cloud',
  );
}

function providerOf(context: GroundContext, mappings: string): NonNullable<GroundContext['provider']> {
  const [physnet, bridge] = mappings.split(',')[0]?.split(':') ?? [];
  const cidr = context.options.providerCidr;
  if (!physnet || !bridge) {
    throw new MachineUnfit(
      'Open vSwitch has no external-ids:ovn-bridge-mappings',
      'Map a physical network to a bridge',
    );
  }
  if (cidr === undefined || !ipaddr.IPv4.isValidCIDR(cidr)) {
    throw new MachineUnfit(
      `the subnet of ${physnet} is not known`,
      'Say it with --provider-cidr, such as 192.0.2.0/24',
    );
  }
  const [, bits] = ipaddr.IPv4.parseCIDR(cidr);
  const octets = ipaddr.IPv4.networkAddressFromCIDR(cidr).octets;
  const gateway = [...octets.slice(0, 3), (octets[3] ?? 0) + 1].join('.');
  const network = `${ipaddr.IPv4.networkAddressFromCIDR(cidr).toString()}/${bits}`;
  return { physnet, bridge, cidr: network, gatewayIp: gateway, netns: undefined };
}
