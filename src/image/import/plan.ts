// What an import is to do, recorded with its task so that any process can go on with it.
import type { ImportMethod } from '../config.ts';

export interface ImportTarget {
  /** Id of the store. */
  readonly store: string;
  /** Under which the data goes there; chosen before anything is written. */
  readonly name: string;
}

export interface ImportPlan {
  readonly method: ImportMethod;
  /** Of a web-download. */
  readonly uri?: string;
  /** Name in the staging area of what the client has staged, or of what is downloaded. Null for copies between stores. */
  readonly staged: string | null;
  readonly targets: readonly ImportTarget[];
  /** One store that fails fails all. */
  readonly mustSucceed: boolean;
}

/** What the saga gets. */
export interface ImportInput {
  readonly taskId: string;
  readonly imageId: string;
  readonly plan: ImportPlan;
}
