// Bodies of `/v3/regions`.
import { Type, type Static } from 'typebox';
import { Id, Nullable, Text } from '../resource.ts';

const Region = Type.Object({
  id: Type.Optional(Type.String({ maxLength: 255, pattern: '^[^\\u0000]*$' })),
  description: Type.Optional(Nullable(Text)),
  parent_region_id: Type.Optional(Nullable(Id)),
});

export const createRegionBody = Type.Object({ region: Region });
export const updateRegionBody = Type.Object({ region: Region });
export type RegionBody = Static<typeof createRegionBody>;
