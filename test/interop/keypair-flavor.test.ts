// The conversation about key pairs and flavors needs no guest.
import { converse } from './converse.ts';
import { keypairFlavor } from './conversation/keypair-flavor.ts';

converse(keypairFlavor, { simulated: true });
