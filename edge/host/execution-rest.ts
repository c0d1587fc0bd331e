// The Execution Handler's REST API on an edge host: list, inspect, invoke, snapshot, stop. Bound to the host's own interface.
import { Server as TlsServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { decodeValues, encodeValues } from '../../shared/elastic/value-codec.ts';
import { OutriderError } from '../../shared/errors.ts';
import { createRestApp, errorSchema, type RestTls, secureContext } from '../gateway/rest-app.ts';
import type { EdgeHost } from './edge-host.ts';
import { ExecutionAccess } from './execution-access.ts';
import { argumentsFromJson, jsonSchema, objectSchema, toJson } from './json-values.ts';

export interface ExecutionRestOptions {
  readonly edgeHost: EdgeHost;
  readonly host: string;
  readonly listen: string;
  readonly advertise: string;
  readonly tls: RestTls | null;
}

const instanceParam = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'Id of the instance.' } as const;
const functionParam = { type: 'string', pattern: '^[A-Za-z][A-Za-z0-9]{0,63}$', description: 'Name of the function.' } as const;
const params = { type: 'object', required: ['instance'], properties: { instance: instanceParam } } as const;
const invokeParams = {
  type: 'object',
  required: ['instance', 'function'],
  properties: { instance: instanceParam, function: functionParam },
} as const;
const response = { 401: errorSchema, 403: errorSchema, 404: errorSchema };

type One = { Params: { instance: string } };
type Invocation = { Params: { instance: string; function: string } };

export async function startExecutionRest({ edgeHost, host, listen, advertise, tls }: ExecutionRestOptions) {
  const { execution } = edgeHost;
  const access = new ExecutionAccess(edgeHost, tls !== null);
  const app = await createRestApp({ title: `Edge host ${host}`, description: 'The module instances that this host runs.' }, tls);
  app.get('/instances', { schema: { summary: 'All instances with their state and statistics' } }, async (request) => {
    access.operator(request);
    return execution.list();
  });
  app.get<One>('/instances/:instance', { schema: { summary: 'One instance', params, response } }, async (request) =>
    access.instance(request, request.params.instance),
  );
  app.get<One>(
    '/instances/:instance/interface',
    { schema: { summary: 'What can be invoked, as JSON Schema', params, response } },
    async (request) => {
      const { instance } = access.instance(request, request.params.instance);
      const { name, version, functions } = execution.manifest(instance);
      return {
        module: name,
        version,
        functions: functions.map(({ name: functionName, description, stateful, parameters, result }) => ({
          name: functionName,
          description,
          stateful,
          arguments: objectSchema(
            functionName,
            parameters.map((parameter) => [parameter.name, jsonSchema(parameter.type)] as const),
          ),
          result: result === null ? null : jsonSchema(result),
        })),
      };
    },
  );
  app.post<Invocation>(
    '/instances/:instance/invoke/:function',
    {
      schema: {
        summary: 'Calls a function',
        description:
          'The body has the arguments by name, as `/instances/{instance}/interface` says. The call takes its turn among those of the rovers and is made at most once; with an instance that is moved or lost meanwhile it may be lost.',
        params: invokeParams,
        body: { type: 'object' },
        response: { 400: errorSchema, ...response, 409: errorSchema, 504: errorSchema },
      },
    },
    async (request) => {
      const { instance } = access.instance(request, request.params.instance);
      const signature = execution.manifest(instance).functions.find(({ name }) => name === request.params.function);
      if (signature === undefined) throw new OutriderError('OUT_EDGE_UNKNOWN', `${instance} has no function ${request.params.function}`);
      const args = encodeValues(
        signature.parameters.map(({ type }) => type),
        argumentsFromJson(signature, request.body),
      );
      const bytes = await execution.invoke(instance, signature.name, args);
      return { result: signature.result === null ? null : toJson(signature.result, decodeValues([signature.result], bytes)[0]) };
    },
  );
  app.get<One>(
    '/instances/:instance/snapshot',
    {
      schema: { summary: 'Checkpoint of a shared instance', description: 'The newest one in the store; the instance goes on.', params },
    },
    async (request, reply) => {
      access.operator(request);
      const { instance } = access.instance(request, request.params.instance);
      const bytes = await execution.checkpoint(instance);
      return reply.type('application/octet-stream').send(Buffer.from(bytes));
    },
  );
  app.delete<One>(
    '/instances/:instance',
    { schema: { summary: 'Stops an instance', description: 'A shared one is restarted by the manager from its checkpoint.', params } },
    async (request) => {
      access.operator(request);
      const { instance, epoch, rover } = access.instance(request, request.params.instance);
      await execution.stop(instance, epoch, rover === null ? 'store' : 'discard');
      return { stopped: instance };
    },
  );
  await app.listen({ host: listen, port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const where = advertise.includes(':') ? `[${advertise}]` : advertise;
  return {
    url: `${tls === null ? 'http' : 'https'}://${where}:${port}`,
    /** Shows this certificate to whoever connects from now on. */
    renew: (shown: RestTls): void => {
      if (app.server instanceof TlsServer) app.server.setSecureContext(secureContext(shown));
    },
    close: () => app.close(),
  };
}
