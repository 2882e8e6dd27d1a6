// A small model with every kind of column and reference. Used by the contract tests and the benchmark.
import {
  boolean,
  ephemeral,
  immutable,
  integer,
  map,
  one,
  oneOf,
  optional,
  range,
  real,
  set,
  string,
  strong,
  table,
  text,
  uuid,
  weak,
} from '../model.ts';

export const sample = {
  Net: table({
    root: true,
    indexes: [['name']],
    lookups: ['ports', 'tags', 'kind'],
    columns: {
      name: one(string),
      kind: optional(oneOf('flat', 'tunnel')),
      ports: set(strong('Port')),
      main_port: optional(strong('Port')),
      friends: set(weak('Net')),
      tags: set(string),
      options: map(string, string),
      counters: map(string, integer),
      slots: map(integer, uuid),
      weight: optional(range(0, 1000)),
      label: one(text(8)),
      up: one(boolean),
      status: ephemeral(optional(string)),
    },
  }),
  Port: table({
    indexes: [['name']],
    columns: {
      name: immutable(one(string)),
      zones: set(integer, { max: 3 }),
      options: map(string, string),
      parts: set(strong('Part')),
    },
  }),
  Strict: table({
    root: true,
    columns: { mode: one(oneOf('in', 'out')), key: one(range(1, 9)), note: one(string) },
  }),
  Part: table({ columns: { name: one(string) } }),
  Watch: table({
    root: true,
    lookups: ['net'],
    columns: { net: optional(weak('Net')), must: set(weak('Net'), { min: 1 }) },
  }),
  Global: table({ root: true, maxRows: 1, columns: { sequence: one(integer), ratio: one(real) } }),
};
