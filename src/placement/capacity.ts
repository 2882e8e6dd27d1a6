// The arithmetic of inventories: how much may be taken, and why an amount does not fit. Pure.
import type { Shortage } from './errors.ts';
import type { InventoryRow } from './tables.ts';

export type Inventory = Pick<
  InventoryRow,
  'total' | 'reserved' | 'min_unit' | 'max_unit' | 'step_size' | 'allocation_ratio'
>;

/** What may be given out in all: (total - reserved) × ratio, rounded down. */
export function capacityOf(inventory: Inventory): number {
  return Math.floor((inventory.total - inventory.reserved) * inventory.allocation_ratio);
}

/** Why `amount` more does not fit beside `used`; undefined when it does. */
export function shortageOf(
  resourceClass: string,
  amount: number,
  inventory: Inventory | undefined,
  used: number,
): Shortage | undefined {
  if (!inventory) return { resourceClass, needed: amount, free: null, reason: 'no-inventory' };
  const free = capacityOf(inventory) - used;
  const base = { resourceClass, needed: amount, free };
  if (amount > free) return { ...base, reason: 'capacity' };
  if (amount < inventory.min_unit) return { ...base, reason: 'min-unit', limit: inventory.min_unit };
  if (amount > inventory.max_unit) return { ...base, reason: 'max-unit', limit: inventory.max_unit };
  if (amount % inventory.step_size !== 0) return { ...base, reason: 'step-size', limit: inventory.step_size };
  return undefined;
}
