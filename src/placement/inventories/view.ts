// Inventories between rows and JSON. Pure.
import type { InventoryRow } from '#placement/tables.ts';

export type InventoryJson = Pick<InventoryRow, 'total'> &
  Partial<Pick<InventoryRow, 'reserved' | 'min_unit' | 'max_unit' | 'step_size' | 'allocation_ratio'>>;

export function inventoryView(row: InventoryRow): Required<InventoryJson> {
  const { total, reserved, min_unit, max_unit, step_size, allocation_ratio } = row;
  return { total, reserved, min_unit, max_unit, step_size, allocation_ratio };
}

export function inventoryRow(
  providerId: string,
  resourceClass: string,
  json: InventoryJson,
  now: string,
): InventoryRow {
  return {
    provider_id: providerId,
    resource_class: resourceClass,
    total: json.total,
    reserved: json.reserved ?? 0,
    min_unit: json.min_unit ?? 1,
    max_unit: json.max_unit ?? 2_147_483_647,
    step_size: json.step_size ?? 1,
    allocation_ratio: json.allocation_ratio ?? 1,
    updated_at: now,
  };
}

/** Why it can't be, before 1.26 also when nothing is left over. */
export function inventoryProblem(row: InventoryRow, mayReserveAll: boolean): string | undefined {
  if (row.reserved > row.total || (row.reserved === row.total && !mayReserveAll))
    return `Invalid inventory for '${row.resource_class}' on resource provider '${row.provider_id}'. The reserved value is greater than ${mayReserveAll ? '' : 'or equal to '}total.`;
  if (row.min_unit > row.max_unit)
    return `Invalid inventory for '${row.resource_class}' on resource provider '${row.provider_id}'. min_unit is greater than max_unit.`;
  return undefined;
}
