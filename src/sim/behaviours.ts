// What a user of the simulated cloud asks it to do wrong: read from a file at the start, changed over REST while it runs.
// Documented for users in docs/simulation.md.
import { Type, type Static } from 'typebox';
import { findProblem } from '#platform/http/validate.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { InjectedBehaviour } from '#compute/host/inject.ts';
import type { MigrationBehaviour } from '#drivers/libvirt/fake-migration.ts';

const behaviour = Type.Object(
  {
    /** A hop of the launch path, an operation (`guest.stop`), or `*`. */
    hop: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    host: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    /** Part of the server's name. */
    server: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    latencyMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 3_600_000 })),
    fail: Type.Optional(Type.String({ minLength: 1, maxLength: 1000 })),
    times: Type.Optional(Type.Integer({ minimum: 1 })),
    /** OVN binds ports on `host` (on every host when absent) only after `latencyMs`, or never. */
    ovn: Type.Optional(
      Type.Union([
        Type.Literal('slow-port-up'),
        Type.Literal('no-port-up'),
        Type.Literal('lost-port-up-event'),
      ]),
    ),
    /** How live migrations from `host` (from any when absent) go: `slow` for `latencyMs`, `failing` with `fail`. */
    migration: Type.Optional(
      Type.Union([Type.Literal('slow'), Type.Literal('never-converging'), Type.Literal('failing')]),
    ),
  },
  { additionalProperties: false },
);
export const behavioursSchema = Type.Array(behaviour, { maxItems: 100 });
export type Behaviour = Static<typeof behaviour>;

/** The list in force; its entries count down their `times`. */
export class Behaviours {
  #list: Behaviour[] = [];

  get list(): readonly Behaviour[] {
    return this.#list;
  }

  /** @throws DomainError bad-request naming what is wrong */
  replace(value: unknown): void {
    const problem = findProblem(behavioursSchema, value);
    if (problem)
      throw new DomainError(
        'bad-request',
        'invalid-behaviours',
        `Behaviours are refused: ${problem.path || 'the list'} ${problem.message}`,
      );
    this.#list = structuredClone(value as Behaviour[]);
  }

  /** Those that concern hops of an agent, as its injector takes them. */
  forHops(): readonly InjectedBehaviour[] {
    return this.#list.filter(
      (each): each is Behaviour & InjectedBehaviour =>
        each.hop !== undefined && each.ovn === undefined && each.migration === undefined,
    );
  }

  /** What OVN does on a host. */
  forOvn(host: string): readonly Behaviour[] {
    return this.#list.filter(
      (each) => each.ovn !== undefined && (each.host === undefined || each.host === host),
    );
  }

  /** How the live migration of a server away from a host goes. */
  forMigration(host: string, server: string): MigrationBehaviour {
    const found = this.#list.filter(
      (each) =>
        each.migration !== undefined &&
        (each.host === undefined || each.host === host) &&
        (each.server === undefined || server.includes(each.server)),
    );
    const of = (kind: Behaviour['migration']) => found.find((each) => each.migration === kind);
    const failing = of('failing');
    return {
      takesMs: of('slow')?.latencyMs ?? 0,
      neverConverges: of('never-converging') !== undefined,
      ...(failing && { fails: failing.fail ?? 'the migration fails' }),
    };
  }
}
