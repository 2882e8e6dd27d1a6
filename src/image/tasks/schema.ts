// The body of a task. There is one type that can be made: `import`.
import { Type, type Static } from 'typebox';
import { DISK_FORMATS } from '../config.ts';

export const createTaskBody = Type.Object({
  type: Type.Literal('import'),
  input: Type.Object({
    import_from: Type.String({ minLength: 1, maxLength: 2048 }),
    import_from_format: Type.Union(DISK_FORMATS.map((format) => Type.Literal(format))),
    image_properties: Type.Record(Type.String(), Type.Unknown()),
  }),
});

export type CreateTaskBody = Static<typeof createTaskBody>;
