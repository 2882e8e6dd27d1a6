// Bodies of `/v3/projects` and their tags.
import { Type, type Static } from 'typebox';
import { Id, Nullable, Options, ShortName, Text } from '../resource.ts';

const Tag = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^,/\\u0000]+$' });
const Tags = Type.Array(Tag, { maxItems: 80, uniqueItems: true });
const Attributes = {
  description: Type.Optional(Nullable(Text)),
  enabled: Type.Optional(Type.Boolean()),
  domain_id: Type.Optional(Nullable(Id)),
  parent_id: Type.Optional(Nullable(Id)),
  is_domain: Type.Optional(Type.Boolean()),
  tags: Type.Optional(Tags),
  options: Type.Optional(Options),
};

export const createProjectBody = Type.Object({ project: Type.Object({ name: ShortName, ...Attributes }) });
export const updateProjectBody = Type.Object({
  project: Type.Object({ name: Type.Optional(ShortName), ...Attributes }),
});
export const replaceTagsBody = Type.Object({ tags: Tags });
export type CreateProject = Static<typeof createProjectBody>;
export type UpdateProject = Static<typeof updateProjectBody>;
export type ReplaceTags = Static<typeof replaceTagsBody>;
export const tagSchema = Tag;
