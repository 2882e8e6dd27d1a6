// Volumes that move between the backends of two hosts: models, and storage daemons.
import { converse } from './converse.ts';
import { volumeMigrate } from './conversation/volume-migrate.ts';

converse(volumeMigrate, { simulated: true, hosts: 2 });
converse(volumeMigrate, { hosts: 2 });
