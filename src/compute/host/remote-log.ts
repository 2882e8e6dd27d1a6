// The saga log as the agent has it: the conductor keeps it.
import type { RpcClient } from '#platform/bus/bus.ts';
import type { SagaLog } from '#platform/saga/saga.ts';
import type { ConductorRpc } from '../rpc.ts';

const DEADLINE_MS = 30_000;

export function remoteSagaLog(conductor: RpcClient<ConductorRpc>): SagaLog {
  return {
    load: async (sagaId) => conductor.call('loadSteps', { saga_id: sagaId }, { deadlineMs: DEADLINE_MS }),
    record: async (record) => conductor.call('recordStep', record, { deadlineMs: DEADLINE_MS }),
  };
}
