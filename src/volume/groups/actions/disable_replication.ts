// disable_replication (3.38): ends the replication of a group, which no backend does.
import { refuseFor } from '../replication.ts';

export const disableReplication = refuseFor('group:disable_replication');
