// Fewest volumes first: backends of one size share the load as well as the room.
import type { BackendWeigher } from '../backend-state.ts';

export const allocatedWeigher: BackendWeigher = {
  name: 'allocated',
  weigh: ({ volumes }) => -volumes,
};
