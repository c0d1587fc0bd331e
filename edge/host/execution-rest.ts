// The Execution Handler's REST API on an edge host: list, inspect, snapshot, stop. Bound to the host's own interface.
import type { AddressInfo } from 'node:net';
import { OutriderError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import { createRestApp, errorSchema } from '../gateway/rest-app.ts';
import type { ExecutionHandler } from './execution-handler.ts';

export interface ExecutionRestOptions {
  readonly execution: ExecutionHandler;
  readonly host: string;
  readonly listen: string;
  readonly logger: Logger;
}

const params = {
  type: 'object',
  required: ['instance'],
  properties: { instance: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'Id of the instance.' } },
} as const;

export async function startExecutionRest({ execution, host, listen }: ExecutionRestOptions) {
  const app = await createRestApp({ title: `Edge host ${host}`, description: 'The module instances that this host runs.' });
  const find = (instance: string) => {
    const info = execution.get(instance);
    if (info === null) throw new OutriderError('OUT_EDGE_UNKNOWN', `${host} runs no instance ${instance}`);
    return info;
  };
  app.get('/instances', { schema: { summary: 'All instances with their state and statistics' } }, async () => execution.list());
  app.get<{ Params: { instance: string } }>(
    '/instances/:instance',
    { schema: { summary: 'One instance', params, response: { 404: errorSchema } } },
    async (request) => find(request.params.instance),
  );
  app.get<{ Params: { instance: string } }>(
    '/instances/:instance/snapshot',
    {
      schema: {
        summary: 'Checkpoint of a shared instance',
        description: 'The newest one in the store; the instance goes on.',
        params,
      },
    },
    async (request, reply) => {
      find(request.params.instance);
      const bytes = await execution.checkpoint(request.params.instance);
      return reply.type('application/octet-stream').send(Buffer.from(bytes));
    },
  );
  app.delete<{ Params: { instance: string } }>(
    '/instances/:instance',
    {
      schema: {
        summary: 'Stops an instance',
        description: 'A shared one is restarted by the manager from its checkpoint.',
        params,
      },
    },
    async (request) => {
      const { instance, epoch, rover } = find(request.params.instance);
      await execution.stop(instance, epoch, rover === null);
      return { stopped: instance };
    },
  );
  await app.listen({ host: listen, port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return { url: `http://${listen.includes(':') ? `[${listen}]` : listen}:${port}`, close: () => app.close() };
}
