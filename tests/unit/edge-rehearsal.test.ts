// What spare workers do ahead of time must come to its end: a rehearsal that breaks off early would only make moves slower, and nobody would know.
import { expect, test } from 'vitest';
import { rehearse } from '../../edge/host/sandbox/rehearsal.ts';
import { createAuthority } from '../../edge/security/authority.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';

test('a rehearsal goes from the greeting to the answer of a call', async () => {
  await expect(rehearse(new SystemClock())).resolves.toBeUndefined();
});

test('at a site with certificates it shakes hands as well', async () => {
  const { certPem: cert, keyPem: key } = await createAuthority('test', new Date());
  await expect(rehearse(new SystemClock(), { cert, key, requestCert: true })).resolves.toBeUndefined();
  const { keyPem: stranger } = await createAuthority('test', new Date());
  await expect(rehearse(new SystemClock(), { cert, key: stranger })).rejects.toThrow();
});
