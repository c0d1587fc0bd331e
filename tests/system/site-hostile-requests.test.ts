// Attacks on a live site's gateway and on the REST API of its hosts: by strangers, members, viewers and web pages from elsewhere.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSite } from '../../edge/security/site-folder.ts';
import { type HostileHandle, type MembersSite, membersSite, SLOW_MS, type Tls } from '../support/members-site.ts';
import { NOWHERE } from '../../bench/support/nowhere.ts';

describe.skipIf(!existsSync('dist/edge/host/process.js'))('a site with hostile requests', () => {
  let at: MembersSite;
  beforeAll(async () => {
    at = await membersSite();
  }, SLOW_MS);
  afterAll(() => at?.close(), SLOW_MS);

  test('names that are paths are no names', async () => {
    const operator = at.identityOf('ada').tls;
    for (const path of ['..%2f..%2fetc%2fpasswd', '..', '%00', 'a%2fb', `${'x'.repeat(200)}`]) {
      const { status } = await at.ask(at.rest(), `/instances/${path}`, operator);
      expect([400, 404, 414], path).toContain(status);
    }
    const { registry } = await openSite(at.siteDir);
    for (const id of ['../ca', 'a/b', '', '.', 'x'.repeat(65), 'a\0b']) await expect(registry.member('rover', id)).rejects.toThrow();
    const file = await at.ask(at.site.url, '/..%2f..%2f..%2f..%2fetc%2fpasswd', operator);
    expect([401, 403, 404]).toContain(file.status);
  });

  describe('the REST API of a host', () => {
    const invoke = (fn: string, body: unknown, tls: Tls, headers: Record<string, string> = {}) =>
      at.ask(at.rest(), `/instances/${at.target().instance}/invoke/${fn}`, tls, { method: 'POST', body, headers });

    test('calls a typed function for an operator, and for the rover whose instance it is', async () => {
      expect(await invoke('echo', { value: 2.5 }, at.identityOf('ada').tls)).toMatchObject({ status: 200, body: { result: 2.5 } });
      expect(await invoke('echo', { value: 'NaN' }, at.identityOf('ada').tls)).toMatchObject({ status: 200, body: { result: 'NaN' } });
      expect(await invoke('echo', { value: 1 }, at.identityOf('honest').tls)).toMatchObject({ status: 200, body: { result: 1 } });
      const shown = await at.ask(at.rest(), `/instances/${at.target().instance}/interface`, at.identityOf('ada').tls);
      expect(shown).toMatchObject({ status: 200, body: { module: 'hostile' } });
    });

    test('takes the token of the instance, in its rover’s hands alone', async () => {
      const bearer = { authorization: `Bearer ${await at.stolen()}` };
      expect((await invoke('echo', { value: 1 }, { ca: at.ca }, bearer)).status).toBe(200);
      expect(await invoke('echo', { value: 1 }, at.identityOf('mallory').tls, bearer)).toMatchObject({
        status: 403,
        body: { code: 'OUT_EDGE_UNAUTHORIZED' },
      });
      const forged = { authorization: `Bearer honest.${randomBytes(32).toString('base64url')}` };
      expect((await invoke('echo', { value: 1 }, { ca: at.ca }, forged)).status).toBe(403);
      // A token makes nobody more than a rover.
      expect((await invoke('echo', { value: 1 }, at.identityOf('ada').tls, forged)).status).toBe(403);
    });

    test('refuses everybody else, wrong arguments, and functions that are not there', async () => {
      expect((await invoke('echo', { value: 1 }, { ca: at.ca })).status).toBe(401);
      expect((await invoke('echo', { value: 1 }, at.identityOf('mallory').tls)).status).toBe(403);
      expect((await at.ask(at.rest(), '/instances', at.identityOf('honest').tls)).status).toBe(401);
      const stop = await at.ask(at.rest(), `/instances/${at.target().instance}`, at.identityOf('honest').tls, { method: 'DELETE' });
      expect(stop.status).toBe(401);
      for (const body of [{}, { value: 'x' }, { value: 1, more: 2 }, { value: null }, { value: { __proto__: null } }]) {
        expect(await invoke('echo', body, at.identityOf('ada').tls)).toMatchObject({ status: 400, body: { code: 'OUT_MODULE_VALUE' } });
      }
      expect(await invoke('nothing', {}, at.identityOf('ada').tls)).toMatchObject({ status: 404, body: { code: 'OUT_EDGE_UNKNOWN' } });
      const foreignPage = { origin: 'https://elsewhere.example' };
      expect((await invoke('echo', { value: 1 }, at.identityOf('ada').tls, foreignPage)).status).toBe(401);
    });

    test('ends a call that does not come back, with its code', async () => {
      const rover = await at.enter('mallory');
      const spinning = await rover.open<HostileHandle>('hostile', { createLocal: async () => NOWHERE });
      expect((await spinning.offload({ reason: 'attack' })).outcome).toBe('moved');
      const own = () =>
        at.site.manager.resources.hosts()[0]?.instances.find(({ rover: owner, state }) => owner === 'mallory' && state === 'running');
      await expect.poll(() => own()?.instance, { timeout: 10_000 }).toBeTypeOf('string');
      const answer = await at.ask(at.rest(), `/instances/${own()?.instance}/invoke/spin`, at.identityOf('ada').tls, {
        method: 'POST',
        body: { start: 1 },
      });
      expect(answer).toMatchObject({ status: 504, body: { code: 'OUT_EDGE_DEADLINE' } });
      expect(await at.honest.handle.echo(5)).toBe(5);
    }, 30_000);
  });

  test('a login opens the gateway by password and then by session; a viewer may only look', async () => {
    const { logins } = await openSite(at.siteDir);
    const basic = (name: string, password: string) => ({ authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` });
    const password = await logins.create('grace', 'operator');
    const viewing = await logins.create('eve', 'viewer');
    const welcome = await at.ask(at.site.url, '/api/site', { ca: at.ca }, { headers: basic('grace', password) });
    expect(welcome.status).toBe(200);
    const [cookie] = String(welcome.headers['set-cookie']).split(';');
    expect(String(welcome.headers['set-cookie'])).toMatch(/Secure; HttpOnly; SameSite=Strict/);
    expect((await at.ask(at.site.url, '/api/site', { ca: at.ca }, { headers: { cookie: cookie! } })).status).toBe(200);
    for (const wrong of [basic('grace', 'guess'), basic('nobody', password), { cookie: `${cookie}x` }, { authorization: 'Basic !!!' }]) {
      expect((await at.ask(at.site.url, '/api/site', { ca: at.ca }, { headers: wrong })).status).toBe(401);
    }
    const drain = { method: 'POST', headers: basic('eve', viewing) };
    expect((await at.ask(at.site.url, '/api/site', { ca: at.ca }, { headers: basic('eve', viewing) })).status).toBe(200);
    expect((await at.ask(at.site.url, '/api/hosts/edge-1/drain', { ca: at.ca }, drain)).status).toBe(401);
    const lured = { method: 'POST', headers: { cookie: cookie!, origin: 'https://elsewhere.example' } };
    expect((await at.ask(at.site.url, '/api/hosts/edge-1/drain', { ca: at.ca }, lured)).status).toBe(401);
  });
});
