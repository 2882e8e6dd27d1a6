// list_replication_targets (3.38): lists where a group is replicated to, which no backend does.
import { refuseFor } from '../replication.ts';

export const listReplicationTargets = refuseFor('group:list_replication_targets');
