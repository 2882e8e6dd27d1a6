// Bodies of service requests.
import { booleanSchema, strict } from '#compute/schema-types.ts';
import { Type } from 'typebox';

const name = Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._-]+$' });
const reason = Type.String({ minLength: 1, maxLength: 255 });

export const nameService = Type.Object({ host: name, binary: name }, strict);
export const disableLogReason = Type.Object({ host: name, binary: name, disabled_reason: reason }, strict);
export const forceDown_2_11 = Type.Object({ host: name, binary: name, forced_down: booleanSchema }, strict);
export const updateService_2_53 = Type.Object(
  {
    status: Type.Optional(Type.Enum(['enabled', 'disabled'])),
    disabled_reason: Type.Optional(reason),
    forced_down: Type.Optional(booleanSchema),
  },
  strict,
);
