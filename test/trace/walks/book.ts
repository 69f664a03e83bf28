/** The clouds of a book, opened from the single outputs it prints. */
import { join } from 'node:path';
import { type Network } from '../../../src/dataplane/network.ts';
import { trace } from '../../../src/index.ts';
import { openFiles } from '../../../src/snapshot/collect/folder.ts';
import { type LooseFile } from '../../../src/snapshot/read/loose.ts';
import { openLoose } from '../../../src/snapshot/read/open.ts';
import { type Asked } from '../../../src/trace/ask.ts';
import { type Hop, type Trace } from '../../../src/trace/types.ts';
import { ROOT } from '../../sources.ts';

const FOLDER = join(ROOT, 'test/fixtures/walks');
const API = ['networks', 'subnets', 'ports', 'routers'].map((kind) => `api/${kind}.json`);

/**
 * Opens outputs by where they were printed.
 * @param printed `host:namespace` or `host` to the files printed there.
 */
export function bookCloud(
  printed: Readonly<Record<string, readonly string[]>>,
  api: readonly string[] = API,
): Network {
  const files: LooseFile[] = api.map((file) => ({ of: 'api', path: join(FOLDER, file) }));
  for (const [place, names] of Object.entries(printed)) {
    const [host = '', namespace = 'root'] = place.split(':');
    for (const name of names) {
      const path = join(FOLDER, name);
      if (name.endsWith('.ini')) files.push({ of: 'config', host, path });
      else if (name.startsWith('ovs-vsctl')) files.push({ of: 'switch', host, bridge: null, path });
      else files.push({ of: 'namespace', host, namespace, path });
    }
  }
  return openLoose(openFiles(files.map(({ path }) => path)), files);
}

export function walk(network: Network, asked: Asked): Trace {
  const answer = trace(network, asked);
  if (answer.kind === 'refused') throw new Error(`${answer.message} ${answer.details.join(' ')}`);
  return answer.trace;
}

/** `host: interface in > interface out` of each hop. */
export function way(hops: readonly Hop[]): readonly string[] {
  return hops.map(({ host, device, label, input, output }) => {
    const at = device === 'root' ? '' : ` ${label ?? device}`;
    return `${host}${at}: ${input ?? ''} > ${output ?? ''}`;
  });
}

/** What hangs on outputs that the book does not print. */
export function unknown({ missing }: Trace): readonly string[] {
  return missing.map(({ file }) => file);
}
