// The parts of a site's security one by one: tokens, registry, logins, access rules, and JSON against interface types.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { type ClientIdentity, mayPublish, maySubscribe, mayUseClientId } from '../../edge/broker/access-rules.ts';
import { defineSite } from '../../edge/config.ts';
import { FileModuleRepository } from '../../edge/control/module-repository.ts';
import { argumentsFromJson, fromJson, toJson } from '../../edge/host/json-values.ts';
import { MemberRegistry } from '../../edge/security/member-registry.ts';
import { OperatorLogins } from '../../edge/security/operator-logins.ts';
import { reachableUrl } from '../../edge/site-security.ts';
import { instanceKey, issueToken, TokenAuthority } from '../../edge/tokens.ts';
import type { InterfaceType } from '../../shared/elastic/interface-type.ts';
import { decodeValues, encodeValues } from '../../shared/elastic/value-codec.ts';
import { decodeToken, encodeToken } from '../../shared/security/enrolment-token.ts';
import { readPrivateFile, writePrivateFile } from '../../shared/security/private-file.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrider-security-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const TOKEN = {
  site: 'test',
  role: 'rover',
  id: 'rover-1',
  ca: 'ab'.repeat(32),
  secret: 'x'.repeat(43),
  url: 'https://127.0.0.1:8443',
} as const;

describe('enrolment tokens', () => {
  test('come back as they went', () => {
    expect(decodeToken(`  ${encodeToken(TOKEN)}\n`)).toEqual(TOKEN);
  });

  test('any one changed or missing character is noticed, and the error does not repeat the secret', () => {
    const text = encodeToken(TOKEN);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom('', 'A', 'z', '.', '!'), (at, put) => {
        fc.pre(text[at] !== put);
        const changed = text.slice(0, at) + put + text.slice(at + 1);
        expect(() => decodeToken(changed)).toThrow(expect.objectContaining({ code: 'OUT_SITE_TOKEN' }) as Error);
        try {
          decodeToken(changed);
        } catch (error) {
          expect((error as Error).message).not.toContain(TOKEN.secret);
        }
      }),
    );
  });

  test('any text is refused with the code', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => decodeToken(text)).toThrow(expect.objectContaining({ code: 'OUT_SITE_TOKEN' }) as Error);
      }),
    );
  });
});

describe('the registry', () => {
  let nowMs = Date.parse('2026-05-01T12:00:00Z');
  const registry = (name: string): MemberRegistry => new MemberRegistry(join(folder, name), () => new Date(nowMs));
  const pending = { role: 'rover' as const, id: 'rover-1', tenant: 'default', addresses: [] };

  test('two who show a token at once: one is taken in', async () => {
    const one = registry('race');
    const secret = await one.invite(pending, 60);
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => registry('race').redeem(secret, 'rover-1')));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'OUT_SITE_TOKEN_USED' });
    }
  });

  test('holds at its last moment and not after it', async () => {
    const one = registry('expiry');
    const secret = await one.invite(pending, 60);
    const other = await one.invite({ ...pending, id: 'rover-2' }, 60);
    nowMs += 60_000;
    expect((await one.redeem(secret, 'rover-1')).id).toBe('rover-1');
    nowMs += 1;
    await expect(one.redeem(other, 'rover-2')).rejects.toMatchObject({ code: 'OUT_SITE_TOKEN_EXPIRED' });
    await expect(one.redeem(other, 'rover-2')).rejects.toMatchObject({ code: 'OUT_SITE_TOKEN_USED' });
  });

  test('keeps no secret', async () => {
    const secret = await registry('hashes').invite(pending, 60);
    for (const name of await readdir(join(folder, 'hashes', 'tokens'))) {
      expect(name).not.toContain(secret);
      expect(await readFile(join(folder, 'hashes', 'tokens', name), 'utf8')).not.toContain(secret);
      expect((await stat(join(folder, 'hashes', 'tokens', name))).mode & 0o077).toBe(0);
    }
  });

  test('refuses names that would take over connections of others', async () => {
    const one = registry('names');
    for (const id of ['manager-test', 'host-edge-1', 'dashboard-x', 'site', 'coordinator']) {
      await expect(one.invite({ ...pending, id }, 60)).rejects.toMatchObject({ code: 'OUT_CLI_USAGE' });
    }
    await one.admit({ role: 'rover', id: 'rover-1', tenant: 'default', serial: 'A1', credentialHash: 'x' });
    await expect(one.invite({ ...pending, id: '1' }, 60)).rejects.toMatchObject({ code: 'OUT_SITE_EXISTS' });
    await expect(one.invite({ ...pending, id: 'rover-rover-1' }, 60)).rejects.toMatchObject({ code: 'OUT_SITE_EXISTS' });
    await expect(one.invite(pending, 60)).rejects.toMatchObject({ code: 'OUT_SITE_EXISTS' });
  });

  test('a revoked member’s unused tokens go with it, and it can be enrolled anew', async () => {
    const one = registry('revoked');
    await one.admit({ role: 'rover', id: 'rover-1', tenant: 'default', serial: 'A1', credentialHash: 'x' });
    await one.revoke('rover', 'rover-1');
    const secret = await one.invite(pending, 60);
    await one.revoke('rover', 'rover-1');
    await expect(one.redeem(secret, 'rover-1')).rejects.toMatchObject({ code: 'OUT_SITE_TOKEN_UNKNOWN' });
    await one.admit({ role: 'rover', id: 'rover-1', tenant: 'default', serial: 'B2', credentialHash: 'y' });
    expect(await one.member('rover', 'rover-1')).toMatchObject({ serial: 'B2', revokedAt: null });
  });
});

describe('logins', () => {
  test('know a password and nothing else, and keep its hash only', async () => {
    const path = join(folder, 'logins.json');
    const logins = new OperatorLogins(path, () => new Date());
    const password = await logins.create('ada', 'operator');
    expect(await logins.check('ada', password)).toEqual({ name: 'ada', role: 'operator' });
    for (const [name, guess] of [
      ['ada', `${password}x`],
      ['ada', ''],
      ['eve', password],
      ['__proto__', password],
    ]) {
      expect(await logins.check(name as string, guess as string)).toBeNull();
    }
    expect(await readFile(path, 'utf8')).not.toContain(password);
    expect((await stat(path)).mode & 0o077).toBe(0);
  });

  test('a session ends, and a changed one is none', () => {
    let nowMs = 0;
    const logins = new OperatorLogins(join(folder, 'none.json'), () => new Date(nowMs));
    const session = logins.issueSession({ name: 'eve', role: 'viewer' });
    expect(logins.verifySession(session)).toEqual({ name: 'eve', role: 'viewer' });
    expect(logins.verifySession(session.replace('viewer', 'operator'))).toBeNull();
    expect(new OperatorLogins(join(folder, 'none.json'), () => new Date(0)).verifySession(session), 'of another run').toBeNull();
    nowMs = 13 * 3600_000;
    expect(logins.verifySession(session)).toBeNull();
  });
});

describe('access rules', () => {
  const rover: ClientIdentity = { role: 'rover', name: 'rover-1' };
  const host: ClientIdentity = { role: 'host', name: 'barn-2' };

  test('no rover speaks below another’s topics, whatever they are called', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/), fc.stringMatching(/^[a-z/]{1,12}$/), (other, rest) => {
        fc.pre(other !== 'rover-1');
        expect(mayPublish(rover, 'test', `outrider/test/rover/${other}/${rest}`)).toBe(false);
        expect(mayPublish(rover, 'test', `outrider/test/offload/request/${other}`)).toBe(false);
        expect(mayPublish(rover, 'test', `outrider/${other}/rover/rover-1/state`)).toBe(false);
      }),
    );
    expect(mayPublish(rover, 'test', 'outrider/test/rover/rover-1/state')).toBe(true);
  });

  test('a joined host answers for itself and neither commands nor places', () => {
    expect(mayPublish(host, 'test', 'outrider/test/host/barn-2/status')).toBe(true);
    expect(mayPublish(host, 'test', 'outrider/test/mission/m/map/tile/0/0')).toBe(true);
    for (const topic of [
      'host/edge-1/status',
      'host/barn-2/command',
      'placement/x',
      'revoked',
      'offload/reply/rover-1',
      'rover/rover-1/state',
    ]) {
      expect(mayPublish(host, 'test', `outrider/test/${topic}`), topic).toBe(false);
    }
    expect(maySubscribe(host, 'test', 'outrider/test/host/barn-2/command')).toBe(true);
    for (const filter of ['host/+/command', 'host/edge-1/command', 'offload/#', '#'])
      expect(maySubscribe(host, 'test', `outrider/test/${filter}`), filter).toBe(false);
  });

  test('client ids belong to identities', () => {
    expect(mayUseClientId(rover, 'rover-rover-1')).toBe(true);
    expect(mayUseClientId(rover, 'doctor-rover-1')).toBe(true);
    // The agent of a rover that is called 1.
    expect(mayUseClientId(rover, 'rover-1')).toBe(false);
    expect(mayUseClientId({ role: 'rover', name: 'one' }, 'rover-one')).toBe(true);
    for (const id of ['rover-2', 'manager-test', 'host-edge-1', 'rover-1x', '']) expect(mayUseClientId(rover, id), id).toBe(false);
    expect(mayUseClientId(host, 'host-barn-2')).toBe(true);
    expect(mayUseClientId(host, 'host-edge-1')).toBe(false);
    expect(mayUseClientId({ role: 'viewer', name: 'eve' }, 'manager-test')).toBe(false);
  });
});

test('a token counts for its rover’s certificate, its channel’s owner, and until it is revoked', () => {
  const key = instanceKey(new Uint8Array(32), 'instance-1');
  const authority = new TokenAuthority(key, []);
  const peer = (name: string, role: 'rover' | 'host' = 'rover') => ({ role, name, serial: 'A1' });
  const shown = { channelId: 'a-map', token: issueToken(key, 'a') };
  expect(authority.authorize({ ...shown, peer: peer('b') })).toBe(false);
  expect(authority.authorize({ ...shown, peer: peer('a', 'host') })).toBe(false);
  expect(authority.authorize({ ...shown, peer: peer('a') })).toBe(true);
  expect(authority.authorize({ ...shown, peer: null })).toBe(true);
  expect(authority.authorize({ channelId: 'a-map', token: issueToken(key, 'b'), peer: peer('b') })).toBe(false);
  authority.revoke(['a']);
  expect(authority.isRevoked('a-map')).toBe(true);
  expect(authority.authorize({ ...shown, peer: peer('a') })).toBe(false);
});

test('what would be open outside loopback is refused unless it is said', () => {
  const open = (config: Parameters<typeof defineSite>[0]) => () => defineSite(config);
  const insecure = expect.objectContaining({ code: 'OUT_SITE_INSECURE' }) as Error;
  for (const listen of ['0.0.0.0', '::', '10.0.0.1']) expect(open({ listen })).toThrow(insecure);
  expect(open({ broker: 'mqtt://10.0.0.1:1883' })).toThrow(insecure);
  expect(open({ broker: 'mqtt://user:secret@10.0.0.1' })).toThrow(/^(?!.*secret)/);
  expect(open({ listen: '0.0.0.0', insecure: true })).not.toThrow();
  expect(open({ listen: '0.0.0.0', security: { folder: 'x' } })).not.toThrow();
  expect(open({ broker: 'mqtts://10.0.0.1' })).not.toThrow();
});

test('secrets are written for their owner and refused when others can read them', async () => {
  const path = join(folder, 'secret');
  await writePrivateFile(path, 'x');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await expect(writePrivateFile(path, 'y')).rejects.toMatchObject({ code: 'OUT_SITE_EXISTS' });
  await writeFile(join(folder, 'open'), 'x', { mode: 0o644 });
  await expect(readPrivateFile(join(folder, 'open'))).rejects.toMatchObject({ code: 'OUT_SITE_KEY_PERMISSIONS' });
});

test('a digest that is a path reaches no file', async () => {
  const repository = new FileModuleRepository(join(folder, 'bundles'));
  for (const digest of ['../../secret', `${'a'.repeat(63)}/`, '', 'A'.repeat(64)]) {
    await expect(repository.get(digest)).rejects.toMatchObject({ code: 'OUT_MODULE_BUNDLE' });
    await expect(repository.put(digest, new Uint8Array(1))).rejects.toMatchObject({ code: 'OUT_MODULE_BUNDLE' });
  }
});

describe('JSON against interface types', () => {
  const point: InterfaceType = {
    kind: 'record',
    name: 'Point',
    fields: [
      { name: 'x', type: { kind: 'number', type: 'f64' } },
      { name: 'id', type: { kind: 'number', type: 'u64' } },
    ],
  };
  const shape: InterfaceType = {
    kind: 'variant',
    name: 'Shape',
    discriminant: 'kind',
    cases: [
      { name: 'dot', fields: [{ name: 'at', type: point }] },
      { name: 'none', fields: [] },
    ],
  };
  const all: InterfaceType = {
    kind: 'record',
    name: 'All',
    fields: [
      { name: 'bytes', type: { kind: 'typed-array', element: 'u8' } },
      { name: 'floats', type: { kind: 'typed-array', element: 'f32' } },
      { name: 'wide', type: { kind: 'typed-array', element: 'i64' } },
      { name: 'shapes', type: { kind: 'list', element: shape } },
      { name: 'maybe', type: { kind: 'option', value: { kind: 'string' } } },
      { name: 'colour', type: { kind: 'enum', name: 'Colour', cases: ['red', 'green'] } },
      { name: 'flag', type: { kind: 'boolean' } },
    ],
  };

  test('whatever the codec can carry goes to JSON text and back unchanged', () => {
    const anyPoint = fc.record({ x: fc.double(), id: fc.bigInt(0n, 2n ** 64n - 1n) });
    const anyValue = fc.record({
      bytes: fc.uint8Array(),
      floats: fc.float32Array(),
      wide: fc.bigInt64Array(),
      shapes: fc.array(fc.oneof(fc.record({ kind: fc.constant('dot'), at: anyPoint }), fc.constant({ kind: 'none' }))),
      maybe: fc.option(fc.string({ unit: 'grapheme' })),
      colour: fc.constantFrom('red', 'green'),
      flag: fc.boolean(),
    });
    fc.assert(
      fc.property(anyValue, (value) => {
        const carried = decodeValues([all], encodeValues([all], [value]))[0];
        const back = fromJson(all, JSON.parse(JSON.stringify(toJson(all, carried))), 'value');
        // JSON knows one zero.
        const zeroless = (item: unknown): string => JSON.stringify(toJson(all, item));
        expect(zeroless(decodeValues([all], encodeValues([all], [back]))[0])).toBe(zeroless(carried));
      }),
    );
  });

  test('what does not fit is refused with its path', () => {
    const signature = { name: 'f', description: '', stateful: false, result: null, parameters: [{ name: 'all', type: all }] };
    const good = { bytes: 'AAE=', floats: [1, 'NaN'], wide: ['-5'], shapes: [{ kind: 'none' }], maybe: null, colour: 'red', flag: true };
    expect(() => encodeValues([all], argumentsFromJson(signature, { all: good }))).not.toThrow();
    const wrong: readonly (readonly [string, unknown])[] = [
      ['bytes', 'not base64!'],
      ['bytes', [256]],
      ['bytes', [1.5]],
      ['floats', 'AAE='],
      ['wide', [1.5]],
      ['wide', ['9223372036854775808']],
      ['shapes', [{ kind: 'square' }]],
      ['shapes', [{ kind: 'none', extra: 1 }]],
      ['shapes', [{ kind: 'dot', at: { x: 1 } }]],
      ['colour', 'blue'],
      ['flag', 'true'],
      ['maybe', 3],
    ];
    for (const [field, value] of wrong) {
      expect(
        () => encodeValues([all], argumentsFromJson(signature, { all: { ...good, [field]: value } })),
        `${field} ${JSON.stringify(value)}`,
      ).toThrow(expect.objectContaining({ code: 'OUT_MODULE_VALUE' }) as Error);
    }
    for (const body of [null, [], 'x', {}, { all: good, more: 1 }]) {
      expect(() => argumentsFromJson(signature, body)).toThrow(expect.objectContaining({ code: 'OUT_MODULE_VALUE' }) as Error);
    }
  });
});

test('a listener on every interface is told by the address that rovers are told; one on loopback by its own', () => {
  const url = (listen: string, advertise: string | null = null): string =>
    reachableUrl(`https://${listen.includes(':') ? `[${listen}]` : listen}:8443`, { listen, advertise });
  expect(url('0.0.0.0', '10.0.0.7')).toBe('https://10.0.0.7:8443');
  expect(url('::', 'fd00::2')).toBe('https://[fd00::2]:8443');
  expect(url('0.0.0.0')).toBe('https://127.0.0.1:8443');
  expect(url('::1')).toBe('https://[::1]:8443');
});
