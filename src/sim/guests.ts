// What a simulated guest does when its CPUs first run: takes its addresses, asks metadata, writes its console, and is done.
import { appendFile } from 'node:fs/promises';
import type { Clock } from '#platform/context/clock.ts';
import type { Log } from '#platform/log/log.ts';
import type { FakeMetadataPorts } from '#drivers/metadata-port/fake.ts';
import type { GuestSpec } from '#drivers/libvirt/port.ts';

/** A guest's interface as the model of OVN would answer its DHCP request. */
export interface Lease {
  readonly networkId: string;
  readonly addresses: readonly string[];
}

export interface SimulatedGuests {
  /** For `FakeHypervisorOptions.boots`. */
  boot(spec: GuestSpec): void;
}

/** How long a simulated guest takes to boot. */
const BOOT_MS = 50;

export function simulatedGuests(parts: {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly metadata: () => FakeMetadataPorts | undefined;
  /** By MAC address; undefined when no port with it is bound. */
  readonly lease: (mac: string) => Lease | undefined;
}): SimulatedGuests {
  const { clock, log, signal, metadata, lease } = parts;
  const run = async (spec: GuestSpec): Promise<void> => {
    await clock.sleep(BOOT_MS, signal);
    const say = async (line: string): Promise<void> =>
      appendFile(spec.consoleLogPath, `${line}\n`, { mode: 0o600 });
    await say(`SIMULATED guest ${spec.id}: ${spec.vcpus} vCPU, ${spec.memoryMb} MiB; nothing runs in it`);
    for (const { mac } of spec.interfaces) {
      const found = lease(mac);
      await say(
        found ? `SIMULATED ${mac} got ${found.addresses.join(' ')}` : `SIMULATED ${mac} got no address`,
      );
      const [address] = found?.addresses ?? [];
      if (!found || address === undefined) continue;
      const answer = await metadata()?.get(found.networkId, address, '/openstack/latest/meta_data.json');
      await say(
        answer ? `SIMULATED metadata answered ${answer.status}` : 'SIMULATED no metadata on this network',
      );
    }
  };
  return {
    boot: (spec) => {
      run(spec).catch((error: unknown) => {
        if (!signal.aborted) log.info({ err: error, server_id: spec.id }, 'simulated guest did not boot');
      });
    },
  };
}
