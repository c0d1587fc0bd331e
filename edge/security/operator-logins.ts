// Names and passwords of the people who may use the site's web page and API: scrypt (RFC 7914) with a salt each, and a session cookie
// after a good login, so that scrypt runs once and WebSockets of a page are known.
import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { OutriderError } from '../../shared/errors.ts';
import { idSchema } from '../../shared/protocol/message.ts';

const loginSchema = z.strictObject({ role: z.enum(['operator', 'viewer']), salt: z.string(), hash: z.string() });
const fileSchema = z.record(idSchema, loginSchema);

export type LoginRole = z.infer<typeof loginSchema>['role'];

export interface Login {
  readonly name: string;
  readonly role: LoginRole;
}

/** N = 2^15, r = 8: 32 MiB and some 80 ms a guess on this class of machine; two run at a time, so guessing cannot fill the memory. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
const MAX_AT_A_TIME = 2;
const MAX_WAITING = 16;
const SESSION_SEC = 12 * 3600;

const derive = (password: string, salt: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), Buffer.from(salt, 'base64url'), 32, COST, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });

export class OperatorLogins {
  readonly #path: string;
  readonly #now: () => Date;
  /** Of this run: sessions end with it. */
  readonly #sessionKey = randomBytes(32);
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(path: string, now: () => Date) {
    this.#path = path;
    this.#now = now;
  }

  /** Makes or replaces a login and returns its new password, which is kept nowhere else. */
  async create(name: string, role: LoginRole): Promise<string> {
    const password = randomBytes(15).toString('base64url');
    const salt = randomBytes(16).toString('base64url');
    const logins = await this.#read();
    const hash = (await derive(password, salt)).toString('base64url');
    const text = `${JSON.stringify({ ...logins, [idSchema.parse(name)]: { role, salt, hash } }, null, 2)}\n`;
    const temporary = `${this.#path}.${randomBytes(6).toString('hex')}`;
    await writeFile(temporary, text, { mode: 0o600, flush: true });
    await rename(temporary, this.#path);
    return password;
  }

  /** Who logs in, or null. Takes the same time for names that do not exist. */
  async check(name: string, password: string): Promise<Login | null> {
    const logins = await this.#read();
    const known = Object.hasOwn(logins, name) ? logins[name] : undefined;
    const given = await this.#inTurn(() => derive(password, known?.salt ?? 'AAAAAAAAAAAAAAAAAAAAAA'));
    const expected = known === undefined ? randomBytes(32) : Buffer.from(known.hash, 'base64url');
    return known !== undefined && given.length === expected.length && timingSafeEqual(given, expected) ? { name, role: known.role } : null;
  }

  issueSession({ name, role }: Login): string {
    const content = `${name}.${role}.${Math.floor(this.#now().getTime() / 1000) + SESSION_SEC}`;
    return `${content}.${this.#mac(content)}`;
  }

  verifySession(session: string): Login | null {
    const [name = '', role = '', until = '', mac = ''] = session.split('.');
    const expected = Buffer.from(this.#mac(`${name}.${role}.${until}`));
    const given = Buffer.from(mac);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
    if (Number(until) * 1000 < this.#now().getTime()) return null;
    return { name, role: role === 'operator' ? 'operator' : 'viewer' };
  }

  #mac(content: string): string {
    return createHmac('sha256', this.#sessionKey).update(content).digest('base64url');
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= MAX_AT_A_TIME) {
      if (this.#waiting.length >= MAX_WAITING) throw new OutriderError('OUT_SITE_LOGIN', 'too many logins at a time; try again');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #read(): Promise<z.infer<typeof fileSchema>> {
    try {
      return fileSchema.parse(JSON.parse(await readFile(this.#path, 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
      throw new OutriderError('OUT_SITE_FOLDER', `${this.#path} is broken`, { cause: error });
    }
  }
}
