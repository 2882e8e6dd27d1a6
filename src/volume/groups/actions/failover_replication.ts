// failover_replication (3.38): goes on with the replica of a group, which no backend does.
import { refuseFor } from '../replication.ts';

export const failoverReplication = refuseFor('group:failover_replication');
