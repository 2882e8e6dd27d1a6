// Counts of rows written, by table: what the launch record says of the northbound hop.
import type { NorthboundChange } from '../northbound.ts';

type Verb = keyof NorthboundChange;

export class Counts implements NorthboundChange {
  readonly inserted: Record<string, number> = {};
  readonly updated: Record<string, number> = {};
  readonly deleted: Record<string, number> = {};

  add(verb: Verb, table: string, n: number): void {
    this[verb][table] = (this[verb][table] ?? 0) + n;
  }

  addAll(other: NorthboundChange): void {
    for (const verb of ['inserted', 'updated', 'deleted'] as const)
      for (const [table, n] of Object.entries(other[verb])) this.add(verb, table, n);
  }
}
