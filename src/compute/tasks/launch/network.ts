// Hops `network.allocate` to `network.bind`: ports from the network service, their way through OVN, and their taps here.
import type { Step, StepContext } from '#platform/saga/saga.ts';
import type { HostDeps } from '../../host/deps.ts';
import { PortNotUp } from '../../host/errors.ts';
import { ensureMetadata } from '../../host/metadata/ensure.ts';
import { claimPorts, releasePorts } from '../../host/ports.ts';
import { describeVifs } from '../../host/vifs.ts';
import { waitForPorts } from '../../host/wait-for-ports.ts';
import type { LaunchMessage } from '../../rpc.ts';
import type { LaunchOutputs } from './hops.ts';

type Context = StepContext<LaunchMessage, LaunchOutputs>;

export function allocateNetwork(deps: HostDeps): Step<LaunchMessage, LaunchOutputs, 'network.allocate'> {
  return {
    name: 'network.allocate',
    needs: ['prepare'],
    deadlineMs: 60_000,
    do: async ({ input, outputs, evidence }) => {
      const { entry } = outputs.prepare!; // in `needs`
      const claimed = await claimPorts(deps, entry, input.user_token);
      const vifs = await describeVifs(deps.network, await deps.serviceToken(), claimed.ports, claimed);
      await deps.conductor.call('writeVifs', { instance_id: entry.id, vifs });
      evidence({
        ports: vifs.map((vif) => ({
          port_id: vif.port_id,
          network: vif.network_label,
          mac: vif.mac,
          fixed_ips: vif.fixed_ips.map((ip) => ip.address),
          made_here: vif.owned,
        })),
        validated_for: { user_id: entry.user_id, project_id: entry.project_id },
      });
      return { vifs };
    },
    undo: async ({ input }) => {
      await releasePorts(deps, input.instance_id);
      await deps.conductor.call('writeVifs', { instance_id: input.instance_id, vifs: [] });
    },
  };
}

/** The L2 end of the binding on this host: taps on the integration bridge, and metadata reachable before the guest asks. */
export function plugNetwork(deps: HostDeps): Step<LaunchMessage, LaunchOutputs, 'network.plug'> {
  return {
    name: 'network.plug',
    needs: ['network.allocate'],
    volatile: true,
    deadlineMs: 30_000,
    do: async ({ input, outputs, evidence }) => {
      const { vifs } = outputs['network.allocate']!; // in `needs`
      const plugged = await Promise.all(
        vifs.map(async (vif) => {
          const result = await deps.hostSwitch.plug({
            portId: vif.port_id,
            serverId: input.instance_id,
            devname: vif.devname,
            mac: vif.mac,
            mtu: vif.mtu,
          });
          return {
            device: vif.devname,
            bridge: result.bridge,
            datapath: result.datapath,
            ofport: result.ofport ?? null,
            mtu: vif.mtu,
          };
        }),
      );
      deps.metadata.register(input.instance_id, vifs);
      await Promise.all(
        [...new Set(vifs.map((vif) => vif.network_id))].map(async (networkId) =>
          ensureMetadata(deps, networkId),
        ),
      );
      evidence({ interfaces: plugged });
      return { devices: vifs.map((vif) => vif.devname) };
    },
    undo: async ({ input }) => {
      const plugged = await deps.hostSwitch.listPlugged();
      for (const port of plugged.filter((each) => each.serverId === input.instance_id))
        await deps.hostSwitch.unplug(port.devname);
      deps.metadata.forget(input.instance_id);
    },
  };
}

/** Waits until the ports' logical rows are written, which the network service has done when it could reach OVN. */
export function northbound(deps: HostDeps): Step<LaunchMessage, LaunchOutputs, 'network.northbound'> {
  return {
    name: 'network.northbound',
    needs: ['network.allocate'],
    deadlineMs: deps.config.portUpDeadlineMs,
    do: async (context) => {
      const traces = await waitForPorts(deps, portIds(context), {
        signal: context.signal,
        waitingFor: context.waitingFor,
        what: 'ovn-nb to have the row of',
        holds: (trace) => trace.missing !== 'northbound row',
      });
      context.evidence({ rows: traces.map((trace) => ({ port_id: trace.port_id, ...trace.northbound })) });
      return { ports: traces.length };
    },
    // The rows go with the ports, in the undo of `network.allocate`.
  };
}

export function southbound(deps: HostDeps): Step<LaunchMessage, LaunchOutputs, 'network.southbound'> {
  return {
    name: 'network.southbound',
    needs: ['network.northbound'],
    deadlineMs: deps.config.portUpDeadlineMs,
    do: async (context) => {
      const traces = await waitForPorts(deps, portIds(context), {
        signal: context.signal,
        waitingFor: context.waitingFor,
        what: 'ovn-northd to write the binding of',
        holds: (trace) => trace.missing !== 'northbound row' && trace.missing !== 'southbound binding',
      });
      context.evidence({
        bindings: traces.map((trace) => ({ port_id: trace.port_id, ...trace.southbound })),
      });
      return { ports: traces.length };
    },
    // Derived rows: northd removes them with the northbound ones.
  };
}

export function bindNetwork(deps: HostDeps): Step<LaunchMessage, LaunchOutputs, 'network.bind'> {
  return {
    name: 'network.bind',
    needs: ['network.plug'],
    deadlineMs: deps.config.portUpDeadlineMs,
    do: async (context) => {
      const ids = portIds(context);
      const started = deps.clock.now();
      const traces = await waitForPorts(deps, ids, {
        signal: context.signal,
        waitingFor: context.waitingFor,
        what: `ovn-controller on ${deps.config.host} to claim`,
        holds: (trace) => trace.up,
        late: (trace) => new PortNotUp(trace.port_id, trace.missing ?? 'flows', deps.config.portUpDeadlineMs),
      });
      const { vifs } = context.outputs['network.allocate']!; // needed by network.plug
      if (vifs.length > 0)
        await deps.conductor.call('writeVifs', {
          instance_id: context.input.instance_id,
          vifs: vifs.map((vif) => ({ ...vif, active: true })),
        });
      context.evidence({
        bindings: traces.map((trace) => ({ port_id: trace.port_id, ...trace.binding })),
        up_after_ms: deps.clock.now() - started,
        dhcp: vifs.flatMap((vif) => vif.fixed_ips.map((ip) => ({ address: ip.address, mode: ip.mode }))),
      });
      return { ports: traces.length };
    },
    // Unbound by unplugging and by releasing the ports, in the undo of those hops.
  };
}

function portIds(context: Context): string[] {
  return context.outputs['network.allocate']!.vifs.map((vif) => vif.port_id); // a need of every caller's
}
