// What the volume's type asks of a backend, by its extra specs.
import { explainSpecs } from '../spec-match.ts';
import type { BackendFilter } from '../backend-state.ts';

export const capabilitiesFilter: BackendFilter = {
  name: 'capabilities',
  reject: (backend, { extraSpecs }) => {
    const detail = explainSpecs(backend, extraSpecs);
    return detail === undefined ? undefined : { reason: 'does not offer its type', detail };
  },
};
