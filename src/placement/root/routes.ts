// The root: which versions there are. Everybody may ask.
import type { PlacementRoute } from '#placement/deps.ts';
import type { MicroversionRange } from '#platform/microversion/microversion.ts';

/** `microversions.test.ts` proves each step. */
export const MICROVERSIONS: MicroversionRange = { serviceType: 'placement', min: '1.0', max: '1.39' };

export const rootRoutes: readonly PlacementRoute[] = [
  {
    method: 'GET',
    path: '/',
    auth: 'none',
    handler: async () => ({
      versions: [
        {
          id: 'v1.0',
          status: 'CURRENT',
          min_version: MICROVERSIONS.min,
          max_version: MICROVERSIONS.max,
          links: [{ rel: 'self', href: '' }],
        },
      ],
    }),
  },
];
