// Actions on a server, on models and with a guest that really runs.
import { converse } from './converse.ts';
import { serverActions } from './conversation/server-actions.ts';

converse(serverActions, { simulated: true });
converse(serverActions, {});
