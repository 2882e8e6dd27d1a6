// Row type of limits. Part of `ComputeTables` (../tables.ts).

/** A limit of a project (`project:<id>`), a user in it (`project:<id>:user:<id>`) or a class (`class:default`). */
export interface QuotaLimitRow {
  scope: string;
  resource: string;
  hard_limit: number;
}
