/** What can go wrong in bringing a cloud up or down. Messages are read by people: what, why, how to mend. */

export class DataDirectoryInUse extends Error {
  readonly code = 'data_directory_in_use';
  constructor(path: string, pid: number | undefined) {
    const by = pid === undefined ? 'another process' : `process ${pid}`;
    super(`${path} is in use by a cloud that runs as ${by}. End it with: pileus down --data ${path}`);
    this.name = 'DataDirectoryInUse';
  }
}

export class DataDirectoryUnusable extends Error {
  readonly code = 'data_directory_unusable';
  constructor(path: string, why: string) {
    super(`the data directory ${path} cannot be used: ${why}. Choose another with --data`);
    this.name = 'DataDirectoryUnusable';
  }
}

export class ListenImpossible extends Error {
  readonly code = 'listen_impossible';
  readonly why: string;
  constructor(listen: string, why: string) {
    super(`cannot listen on ${listen}: ${why}. Choose another address with --listen`);
    this.name = 'ListenImpossible';
    this.why = why;
  }
}

/** `config.yaml` says what no service understands. */
export class ConfigInvalid extends Error {
  readonly code = 'config_invalid';
  constructor(what: string) {
    super(what);
    this.name = 'ConfigInvalid';
  }
}

/** The machine lacks something that no step can bring. */
export class MachineUnfit extends Error {
  readonly code = 'machine_unfit';
  constructor(what: string, mend: string) {
    super(`${what}. ${mend}`);
    this.name = 'MachineUnfit';
  }
}

export class StepFailed extends Error {
  readonly code = 'step_failed';
  readonly step: string;
  constructor(step: string, title: string, cause: unknown) {
    super(`${title} (step ${step}) failed`, { cause });
    this.name = 'StepFailed';
    this.step = step;
  }
}

/** The message and those of all its causes, for a person. */
export function explain(error: unknown): string {
  const parts: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) parts.push(at.message);
  return parts.length > 0 ? parts.join(': ') : String(error);
}
