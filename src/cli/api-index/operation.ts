// What an operation is called, here and upstream: the key on which route tables, upstream's list and the record of tests
// are joined.
import type { SERVICES } from './collect.ts';

export type ServiceName = (typeof SERVICES)[number];

export interface Operation {
  readonly service: ServiceName;
  readonly method: string;
  readonly path: string;
  /** The action's key in the body. */
  readonly action: string | undefined;
}

/** Equal for operations that differ in the names of path parameters alone. */
export function keyOf({ service, method, path, action }: Operation): string {
  return [service, method, path.replaceAll(/:\w+/g, ':'), ...(action === undefined ? [] : [action])].join(
    ' ',
  );
}

/** The operation whose routes answer `operation`, a HEAD: GET's, which answers HEAD too. */
export function asGet(operation: Operation): Operation {
  return operation.method === 'HEAD' ? { ...operation, method: 'GET' } : operation;
}

/** The operation whose routes read the body by themselves, whatever action it names. */
export function withoutAction(operation: Operation): Operation {
  return { ...operation, action: undefined };
}

/** Every volume route is served with a project in its path as well: those are one operation. */
export function withoutProject(path: string): string {
  return path.replace(/^\/v3\/:project_id(?=\/)/, '/v3');
}
