/** Removes what an earlier run of this cloud left behind, so that the plan starts on clean ground. */
import { describeLeftovers, removeLeftovers } from '../leftovers.ts';
import type { GroundStep } from '../ground-context.ts';

export const leftovers: GroundStep = {
  name: 'leftovers',
  title: 'Data directory',
  needs: [],
  do: async ({ data }, { say }) => {
    const removed = describeLeftovers(await removeLeftovers(data));
    if (removed) say(removed);
  },
};
