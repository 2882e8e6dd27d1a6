// Hosts that can run the image: its architecture, hypervisor type and VM mode among what the host supports.
import type { HostFilter } from '../host-state.ts';

const ARCHITECTURES: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  x64: 'x86_64',
  arm64: 'aarch64',
  i386: 'i686',
  i486: 'i686',
  i586: 'i686',
};
const canonical = (name: string): string => ARCHITECTURES[name.toLowerCase()] ?? name.toLowerCase();

export const imagePropertiesFilter: HostFilter = {
  name: 'image-properties',
  reject: (host, { image }) => {
    const wanted: ReadonlyArray<readonly [what: string, value: string | undefined]> = [
      ['architecture', image['hw_architecture'] ?? image['architecture']],
      ['hypervisor type', image['img_hv_type'] ?? image['hypervisor_type']],
      ['VM mode', image['hw_vm_mode'] ?? image['vm_mode']],
    ];
    if (wanted.every(([, value]) => value === undefined)) return undefined;
    const fits = host.report.supported_instances.some((triple) =>
      wanted.every(([, value], i) => value === undefined || canonical(value) === canonical(triple[i] ?? '')),
    );
    if (fits) return undefined;
    const asked = wanted
      .flatMap(([what, value]) => (value === undefined ? [] : [`${what} ${value}`]))
      .join(', ');
    return {
      reason: `can't run ${asked}`,
      detail: `supports ${host.report.supported_instances.map((triple) => triple.join('/')).join(', ')}`,
    };
  },
};
