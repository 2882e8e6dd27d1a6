// The options of placement: none yet that an operator could set.

export type PlacementConfig = Readonly<Record<never, never>>;
