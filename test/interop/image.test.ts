// The conversation about images needs no guest.
import { converse } from './converse.ts';
import { image } from './conversation/image.ts';

converse(image, { simulated: true });
