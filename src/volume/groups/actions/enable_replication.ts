// enable_replication (3.38): begins to replicate a group, which no backend does.
import { refuseFor } from '../replication.ts';

export const enableReplication = refuseFor('group:enable_replication');
