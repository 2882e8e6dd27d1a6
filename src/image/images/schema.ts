// Bodies of images. Attributes and properties share one level: attributes.ts checks them one by one.
import { Type } from 'typebox';

export const createImageBody = Type.Record(Type.String(), Type.Unknown());
