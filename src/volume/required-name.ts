// The name of something that must have one, as a body field: not empty, not only spaces.
import { Type } from 'typebox';

export const requiredName = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: String.raw`^[^\u0000]*[^\s\u0000][^\u0000]*$`,
});
