/** Listening on the loopback address, until an interrupt. */
import { randomBytes } from 'node:crypto';
import { type AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { type Served } from './served.ts';
import { pagesOf } from './server.ts';

export type Started =
  | {
      readonly kind: 'started';
      /** With the token; whoever has it may ask. */
      readonly address: string;
      readonly ended: Promise<void>;
      stop(): void;
    }
  | { readonly kind: 'failed'; readonly why: string };

/** Starts on a port, 0 for any; the token is new every time. */
export function startPages(served: Served, wanted: number): Promise<Started> {
  const token = randomBytes(18).toString('base64url');
  return new Promise((resolve) => {
    let port = wanted;
    const app = pagesOf(served, token, () => port);
    const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: wanted });
    server.on('error', (error) =>
      resolve({ kind: 'failed', why: `cannot listen: ${error.message}` }),
    );
    server.on('listening', () => {
      port = (server.address() as AddressInfo).port;
      const ended = new Promise<void>((done) => server.on('close', () => done()));
      const stop = (): void => {
        server.close();
        if ('closeAllConnections' in server) server.closeAllConnections();
      };
      process.once('SIGINT', stop);
      process.once('SIGTERM', stop);
      resolve({
        kind: 'started',
        address: `http://127.0.0.1:${port}/?token=${token}`,
        ended,
        stop,
      });
    });
  });
}
