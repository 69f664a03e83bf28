/** Opens the snapshot a command was told to use; the bundled demonstration when it was told none. */
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Network } from '../dataplane/network.ts';
import { type Cloud } from '../model/cloud.ts';
import { openFiles, openFolder } from '../snapshot/collect/folder.ts';
import { compileFiles } from '../snapshot/read/compiled.ts';
import { type Folder } from '../snapshot/read/folder.ts';
import { type LooseFile } from '../snapshot/read/loose.ts';
import { memoryFolder } from '../snapshot/read/memory-folder.ts';
import { openLoose, openSnapshot } from '../snapshot/read/open.ts';
import { openCloudOption } from './cloud-option.ts';
import { UsageError } from './exit-codes.ts';

const DEMO = fileURLToPath(new URL('../../demo/ovs-vxlan-ovsfw', import.meta.url));

export interface OpenedSnapshot {
  readonly network: Network;
  /** Short name for people: the folder's last part. */
  readonly name: string;
  /** What it was read from; absent for single files, which make no snapshot. */
  readonly folder?: Folder;
  /** The cloud of a cloud.yaml; absent where dumps were read. */
  readonly cloud?: Cloud;
}

/** Single files as the options name them, each with what it is of. */
export interface LooseOptions {
  /** `host:bridge=FILE`, or `host=FILE` for what tells of all bridges. */
  readonly ovs?: readonly string[];
  /** `host:namespace=FILE`, or `host=FILE` for the host's own namespace. */
  readonly ns?: readonly string[];
  /** Answers of Neutron's API. */
  readonly api?: readonly string[];
  /** `host=FILE`: configuration of an agent. */
  readonly conf?: readonly string[];
}

/** Opens a dump folder, an archive of one, or single files. */
export function openSnapshotOption(
  path: string | undefined,
  loose: LooseOptions = {},
): OpenedSnapshot {
  const single = looseFiles(loose);
  if (single.length > 0) return { network: openLooseFiles(single), name: 'loose files' };
  const folder = path ?? DEMO;
  if (!existsSync(folder)) throw new UsageError(`there is no snapshot at ${folder}`);
  // A cloud.yaml stands for what its agents would make of it.
  const cloud = /\.ya?ml$/.test(folder) ? openCloudOption(folder) : null;
  const files = cloud === null ? opened(folder) : memoryFolder(compileFiles(cloud));
  const network = openSnapshot(files);
  if (network.hosts.size === 0) {
    throw new UsageError(`${folder} holds no host: expected hosts/HOST/… or a sos report`);
  }
  const name = path === undefined ? 'demo' : basename(resolve(folder));
  return { network, name, folder: files, ...(cloud === null ? {} : { cloud }) };
}

function opened(path: string): Folder {
  try {
    const folder = openFolder(path);
    folder.list();
    return folder;
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${error instanceof Error ? error.message : error}`);
  }
}

function openLooseFiles(files: readonly LooseFile[]): Network {
  for (const { path } of files) {
    if (!existsSync(path)) throw new UsageError(`there is no file ${path}`);
  }
  return openLoose(openFiles(files.map(({ path }) => path)), files);
}

function looseFiles({ ovs = [], ns = [], api = [], conf = [] }: LooseOptions): LooseFile[] {
  return [
    ...ovs.map((word): LooseFile => {
      const { host, inside, path } = placed('--ovs', 'host:bridge=FILE or host=FILE', word);
      return { of: 'switch', host, bridge: inside, path };
    }),
    ...ns.map((word): LooseFile => {
      const { host, inside, path } = placed('--ns', 'host:namespace=FILE or host=FILE', word);
      return { of: 'namespace', host, namespace: inside ?? 'root', path };
    }),
    ...api.map((path): LooseFile => ({ of: 'api', path })),
    ...conf.map((word): LooseFile => {
      const { host, path } = placed('--conf', 'host=FILE', word);
      return { of: 'config', host, path };
    }),
  ];
}

function placed(
  option: string,
  form: string,
  word: string,
): { readonly host: string; readonly inside: string | null; readonly path: string } {
  const match = /^([^:=]+)(?::([^=]+))?=(.+)$/.exec(word);
  if (match === null) {
    throw new UsageError(`${option} expects ${form}, not ${JSON.stringify(word)}`);
  }
  return { host: match[1] ?? '', inside: match[2] ?? null, path: match[3] ?? '' };
}
