// `resetNetwork`: went with the hypervisor that had it.
import { Gone } from '#compute/errors.ts';

export async function resetNetwork(): Promise<never> {
  throw new Gone();
}
