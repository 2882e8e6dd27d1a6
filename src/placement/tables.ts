// Row types of placement's tables. They live in the same database as compute's, so that a claim, an instance's host and
// the message that launches it commit together. Only placement's stores and `claim.ts` name them.

export interface ResourceProviderRow {
  /** UUID */
  id: string;
  name: string;
  generation: number;
  parent_id: string | null;
  /** Its own id when it is a root. */
  root_id: string;
  created_at: string;
  updated_at: string;
}

export interface InventoryRow {
  provider_id: string;
  resource_class: string;
  total: number;
  reserved: number;
  min_unit: number;
  max_unit: number;
  step_size: number;
  allocation_ratio: number;
  updated_at: string;
}

export interface ProviderTraitRow {
  provider_id: string;
  trait: string;
}

export interface ProviderAggregateRow {
  provider_id: string;
  /** UUID */
  aggregate_id: string;
}

/** `CUSTOM_…` names that somebody has made; the standard ones are constants. */
export interface CustomNameRow {
  name: string;
  created_at: string;
}

export interface ConsumerRow {
  /** UUID: an instance, a migration … */
  id: string;
  generation: number;
  project_id: string;
  user_id: string;
  /** Null: made by a version that knows no types. */
  consumer_type: string | null;
  created_at: string;
  updated_at: string;
}

export interface AllocationRow {
  consumer_id: string;
  provider_id: string;
  resource_class: string;
  used: number;
  updated_at: string;
}

export interface PlacementTables {
  resource_providers: ResourceProviderRow;
  inventories: InventoryRow;
  provider_traits: ProviderTraitRow;
  provider_aggregates: ProviderAggregateRow;
  custom_traits: CustomNameRow;
  custom_resource_classes: CustomNameRow;
  consumers: ConsumerRow;
  allocations: AllocationRow;
}
