/**
 * Asks a running daemon of Open vSwitch over one connection that stays open: JSON-RPC 1.0 on its
 * control socket (unixctl(3)), as ovs-appctl does it with a new connection for every question.
 */
import { connect, type Socket } from 'node:net';

export interface Unixctl {
  /** One question and its answer; a daemon's refusal rejects with its words. */
  ask(method: string, params: readonly string[]): Promise<string>;
  close(): void;
}

interface Waiting {
  readonly resolve: (answer: string) => void;
  readonly reject: (error: Error) => void;
}

/** Opens the control socket at `path`. */
export async function openUnixctl(path: string): Promise<Unixctl> {
  const socket = await connected(path);
  const waiting: Waiting[] = [];
  const answers = new JsonStream();
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    for (const answer of answers.add(text)) settle(waiting.shift(), answer);
  });
  socket.on('close', () => {
    for (const { reject } of waiting.splice(0)) reject(new Error('the daemon hung up'));
  });
  let id = 0;
  return {
    ask: (method, params) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        socket.write(JSON.stringify({ id: id++, method, params }));
      }),
    close: () => socket.end(),
  };
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket));
    socket.once('error', reject);
  });
}

function settle(asker: Waiting | undefined, answer: string): void {
  const { result, error } = JSON.parse(answer) as { result: unknown; error: unknown };
  if (error === null || error === undefined) asker?.resolve(String(result));
  else asker?.reject(new Error(String(error)));
}

/** Cuts a stream of JSON objects without separators: they end where their braces close. */
class JsonStream {
  private text = '';
  private at = 0;
  private depth = 0;
  private quoted = false;

  add(text: string): readonly string[] {
    this.text += text;
    const found: string[] = [];
    for (; this.at < this.text.length; this.at++) {
      const character = this.text[this.at];
      if (this.quoted) {
        if (character === '\\') this.at++;
        else if (character === '"') this.quoted = false;
      } else if (character === '"') this.quoted = true;
      else if (character === '{') this.depth++;
      else if (character === '}' && --this.depth === 0) {
        found.push(this.text.slice(0, this.at + 1));
        this.text = this.text.slice(this.at + 1);
        this.at = -1;
      }
    }
    return found;
  }
}
