/** `--network system`: the machine's own OVN and Open vSwitch are used as they are; here their settings are read. */
import { runCommand } from '#platform/supervise/run-command.ts';
import ipaddr from 'ipaddr.js';
import { MachineUnfit } from '../errors.ts';
import type { GroundContext, GroundStep } from '../ground-context.ts';
import { INTEGRATION_BRIDGE } from './host-switch.ts';

const DEFAULTS = {
  nb: 'unix:/var/run/ovn/ovnnb_db.sock',
  sb: 'unix:/var/run/ovn/ovnsb_db.sock',
  ovs: 'unix:/var/run/openvswitch/db.sock',
};

export const systemNetwork: GroundStep = {
  name: 'system-network',
  title: "The machine's Open vSwitch and OVN",
  needs: ['packages'],
  do: async (context, { signal }) => {
    const nb = context.options.endpoints?.nb ?? DEFAULTS.nb;
    const sb = context.options.endpoints?.sb ?? DEFAULTS.sb;
    const ovs = context.options.endpoints?.ovs ?? DEFAULTS.ovs;
    const vsctl = async (...args: string[]): Promise<string> => {
      const { stdout } = await runCommand(
        ['ovs-vsctl', `--db=${ovs}`, '--timeout=5', '--if-exists', ...args],
        { signal },
      );
      return stdout.trim().replace(/^"(.*)"$/, '$1');
    };
    const id = (key: string): Promise<string> => vsctl('get', 'Open_vSwitch', '.', `external-ids:${key}`);
    const bridge = (await id('ovn-bridge')) || INTEGRATION_BRIDGE;
    const hostname = (await id('hostname')) || (await id('system-id'));
    if (hostname === '') {
      throw new MachineUnfit(
        `Open vSwitch at ${ovs} is not set up for OVN`,
        'Set external-ids:system-id and ovn-remote',
      );
    }
    const datapath =
      (await vsctl('get', 'Bridge', bridge, 'datapath_type')) === 'netdev' ? 'netdev' : 'system';
    context.system = { nb, sb, ovs, hostname, datapath, bridge };
    context.datapath = datapath;
    context.provider = providerOf(context, await id('ovn-bridge-mappings'));
  },
};

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
