// Generates docs/errors.md and docs/protocol.md from the error registry and the message schemas; `--check` fails where they differ.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { ERRORS } from '../../shared/error-registry.ts';
import type { MessageDefinition } from '../../shared/protocol/message.ts';

const ROOT = new URL(import.meta.url.endsWith('.ts') ? '../../' : '../../../', import.meta.url);

/** docs/errors.md: one section per prefix, one row per code. */
export function renderErrors(): string {
  const lines = [
    '# Errors',
    '',
    'Every error that Outrider raises on purpose has a code, says what arrived, and has a way out. Generated from `shared/error-registry.ts`;',
    'run `npm run docs` after a change.',
    '',
    '| Code | What happened | What to do |',
    '| --- | --- | --- |',
  ];
  for (const [code, { summary, remedy }] of Object.entries(ERRORS).toSorted(([a], [b]) => a.localeCompare(b))) {
    lines.push(`| \`${code}\` | ${cell(summary)} | ${cell(remedy)} |`);
  }
  return `${lines.join('\n')}\n`;
}

/** docs/protocol.md: every control-plane message with its topic, delivery and fields. */
export function renderProtocol(messages: readonly MessageDefinition<unknown>[]): string {
  const lines = [
    '# Control-plane messages',
    '',
    'UTF-8 JSON over MQTT 3.1.1 or 5, QoS ≤ 1, ids of `[A-Za-z0-9_-]{1,64}`. A message that is too large or does not match its schema is',
    'dropped with `OUT_PROTOCOL_MESSAGE`; nothing else stops. Generated from `shared/protocol/`; run `npm run docs` after a change.',
    '',
  ];
  for (const message of messages) {
    lines.push(`## ${message.name}`, '', message.description, '');
    lines.push(`- Topic: \`${message.topic}\``);
    lines.push(`- Delivery: QoS ${message.qos}, ${message.retain ? 'retained' : 'not retained'}, at most ${message.maxBytes} bytes`, '');
    const schema = z.toJSONSchema(message.schema, { unrepresentable: 'any', io: 'input' }) as JsonSchema;
    const branches = schema.anyOf ?? schema.oneOf ?? [schema];
    for (const [index, branch] of branches.entries()) {
      if (branches.length > 1) lines.push(`Form ${index + 1} of ${branches.length}:`, '');
      lines.push('| Field | Type | Meaning |', '| --- | --- | --- |', ...fieldRows(branch, ''), '');
    }
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema | boolean;
  readonly prefixItems?: readonly JsonSchema[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

function fieldRows(schema: JsonSchema, prefix: string): string[] {
  const rows: string[] = [];
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const path = `${prefix}${name}`;
    const optional = schema.required?.includes(name) === true ? '' : ' (optional)';
    rows.push(`| \`${path}\`${optional} | ${cell(typeText(field))} | ${cell(field.description ?? '')} |`);
    const inner = [field, ...(field.anyOf ?? field.oneOf ?? [])].find((candidate) => candidate.properties !== undefined);
    if (inner !== undefined) rows.push(...fieldRows(inner, `${path}.`));
    const items = typeof field.items === 'object' ? field.items : undefined;
    if (items?.properties !== undefined) rows.push(...fieldRows(items, `${path}[].`));
  }
  return rows;
}

function typeText(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' or ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return choices.map(typeText).join(' or ');
  if (schema.prefixItems !== undefined) return `[${schema.prefixItems.map(typeText).join(', ')}]`;
  if (schema.type === 'array') return `list of ${typeof schema.items === 'object' ? typeText(schema.items) : 'anything'}`;
  if (Array.isArray(schema.type)) return schema.type.join(' or ');
  return typeof schema.type === 'string' ? schema.type : 'anything';
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** All message definitions exported by shared/protocol, by file and then by export name, whatever loads the files. */
export async function loadMessages(): Promise<MessageDefinition<unknown>[]> {
  const directory = new URL('../../shared/protocol/', import.meta.url);
  const files = (await readdir(directory)).filter((file) => /^[a-z0-9-]+\.[jt]s$/.test(file)).toSorted();
  const messages: MessageDefinition<unknown>[] = [];
  for (const file of files) {
    const exports = (await import(new URL(file, directory).href)) as Record<string, unknown>;
    for (const name of Object.keys(exports).toSorted()) {
      const value = exports[name];
      if (isMessageDefinition(value)) messages.push(value);
    }
  }
  return messages;
}

function isMessageDefinition(value: unknown): value is MessageDefinition<unknown> {
  return typeof value === 'object' && value !== null && 'topic' in value && 'schema' in value && 'maxBytes' in value;
}

async function main(check: boolean): Promise<void> {
  const pages = { 'docs/errors.md': renderErrors(), 'docs/protocol.md': renderProtocol(await loadMessages()) };
  let stale = 0;
  for (const [path, text] of Object.entries(pages)) {
    const file = new URL(path, ROOT);
    if (!check) await writeFile(file, text);
    else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
      stale += 1;
      console.error(`${path} is not what the source says: run \`npm run docs\``);
    }
  }
  if (stale > 0) process.exitCode = 1;
}

if (process.argv[1] !== undefined && import.meta.url.endsWith(process.argv[1].split('/').at(-1) ?? ''))
  await main(process.argv.includes('--check'));
