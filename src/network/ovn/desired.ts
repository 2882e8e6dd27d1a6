// What the pure renderers of `render/` produce: northbound rows as they should be, tied to each other by name, not by
// uuid. `plan.ts` compares them with the rows that are there.
import type { RowInput } from '#platform/ovsdb/model.ts';
import type { Nb } from './model.ts';

/** Tables whose rows are found by a name (DHCP options and QoS: by what their `external_ids` say of whom they are). */
export type KeyedTable =
  | 'Logical_Switch'
  | 'Logical_Switch_Port'
  | 'Port_Group'
  | 'Address_Set'
  | 'DHCP_Options'
  | 'Logical_Router'
  | 'Logical_Router_Port'
  | 'QoS';

/** Tables whose rows are parts of one keyed row and have no identity but their content. */
export type PartTable =
  | 'ACL'
  | 'NAT'
  | 'Logical_Router_Static_Route'
  | 'Gateway_Chassis'
  /** The only one that OVN keeps when nothing holds it: it is deleted by itself. */
  | 'Load_Balancer';

export type PartOf = {
  [P in PartTable]: {
    readonly table: P;
    readonly column: string;
    readonly rows: ReadonlyArray<RowInput<Nb[P]>>;
  };
}[PartTable];

export interface RowRef {
  readonly table: KeyedTable;
  readonly key: string;
}

export type DesiredRow = {
  [T in KeyedTable]: {
    readonly table: T;
    readonly key: string;
    /** All columns that are ours to set, without references. */
    readonly columns: RowInput<Nb[T]>;
    readonly parts?: readonly PartOf[];
    /** The row that holds this one, and in which column. */
    readonly parent?: RowRef & { readonly column: 'ports' | 'qos_rules' };
    /** Columns of one weak reference. */
    readonly links?: Readonly<Record<string, RowRef | null>>;
    /** Names of the port groups that a switch port is in. */
    readonly groups?: readonly string[];
  };
}[KeyedTable];

export type UnitKind =
  | 'network'
  | 'subnet'
  | 'port'
  | 'router'
  | 'security_group'
  | 'address_group'
  /** The one group that drops; its id is empty. */
  | 'drop_group';

/** The smallest thing that is compared and written as a whole. */
export interface Unit {
  readonly kind: UnitKind;
  readonly id: string;
}

export const DROP_UNIT: Unit = { kind: 'drop_group', id: '' };

export const unitKey = (unit: Unit): string => `${unit.kind} ${unit.id}`;
