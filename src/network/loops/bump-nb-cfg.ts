// Asks every chassis for a sign of life: a new `nb_cfg`, which each writes into its own row when it has caught up.
import type { Clock } from '#platform/context/clock.ts';
import type { Log } from '#platform/log/log.ts';
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import type { OvsdbClient } from '#platform/ovsdb/client.ts';
import type { Nb } from '../ovn/model.ts';

export interface BumpOptions {
  readonly nb: OvsdbClient<Nb>;
  readonly clock: Clock;
  readonly log: Log;
  readonly intervalMs: number;
}

export function startBumpLoop({ nb, clock, log, intervalMs }: BumpOptions): Loop {
  return startLoop({
    name: 'bump-nb-cfg',
    intervalMs,
    log,
    run: async () => {
      if (!nb.connected) return;
      const global = nb.table('NB_Global').list()[0];
      // Of several network services one is enough.
      if (!global || clock.now() - global.nb_cfg_timestamp < intervalMs / 2) return;
      await nb.transaction().mutate('NB_Global', global._uuid, ['nb_cfg', '+=', 1]).commit();
    },
  });
}
