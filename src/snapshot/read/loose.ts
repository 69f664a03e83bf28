/**
 * Single files, given one by one: each is told what it is of (a bridge, a namespace, the cloud's
 * API), and what it tells is seen from its content. A file may also be the transcript of a shell:
 * prompts with commands, each followed by its output.
 */
import { below, type Catalog, emptyHost, type HostCatalog } from './catalog.ts';
import { type Commands, placeCommand } from './commands.ts';
import { kindOfNamespaceText, kindOfSwitchText } from './content.ts';
import { type Folder } from './folder.ts';
import { splitTranscript } from './transcript.ts';

/** One file given on the command line, and what it is of. */
export type LooseFile =
  /** Flows, groups or ports of a bridge; of the whole switch when no bridge is named. */
  | {
      readonly of: 'switch';
      readonly host: string;
      readonly bridge: string | null;
      readonly path: string;
    }
  /** Anything that `ip`, `iptables-save` and their like print in a namespace. */
  | {
      readonly of: 'namespace';
      readonly host: string;
      readonly namespace: string;
      readonly path: string;
    }
  /** What the API answered: `{"ports": […]}`. */
  | { readonly of: 'api'; readonly path: string }
  /** A configuration file of an agent. */
  | { readonly of: 'config'; readonly host: string; readonly path: string };

/** The files of a folder, and parts of them that stand for files of their own. */
export interface LooseFolder {
  readonly folder: Folder;
  readonly catalog: Catalog;
}

/** Says of each file what it tells; what cannot be told is named as missing. */
export function catalogOfLoose(folder: Folder, files: readonly LooseFile[]): LooseFolder {
  const catalog: Catalog = { hosts: new Map(), api: new Map(), missing: [] };
  const parts = new Map<string, string>();
  const decoder = new TextDecoder();
  const placed: Commands = new Map();
  const hostOf = (name: string): HostCatalog => {
    const host = catalog.hosts.get(name) ?? emptyHost(name);
    catalog.hosts.set(name, host);
    return host;
  };
  for (const file of files) {
    const bytes = folder.read(file.path);
    const miss = (consequence: string): void => {
      catalog.missing.push({ file: file.path, consequence });
    };
    if (bytes === undefined) {
      miss(consequenceOf(file));
      continue;
    }
    if (file.of === 'config') {
      hostOf(file.host).configs.set(file.path, file.path);
      continue;
    }
    if (file.of === 'api') {
      const kinds = keysOfApi(decoder.decode(bytes.subarray(0, 2000)));
      if (kinds === null) miss('It is not seen which objects of the cloud it holds');
      else catalog.api.set(kinds, file.path);
      continue;
    }
    const host = hostOf(file.host);
    const namespace = file.of === 'namespace' ? file.namespace : 'root';
    const start = decoder.decode(bytes.subarray(0, 4000));
    const transcript = splitTranscript(start) === null ? null : decoder.decode(bytes);
    if (transcript !== null) {
      for (const part of splitTranscript(transcript) ?? []) {
        const path = `${file.path} (${part.command})`;
        parts.set(path, part.text);
        const name = part.command.replaceAll(' ', '_').replaceAll('/', '.');
        const known = placeCommand(host, part.namespace ?? namespace, name, path, placed);
        if (!known) miss(`What "${part.command}" prints is not read`);
      }
      continue;
    }
    const kind =
      file.of === 'switch' ? kindOfSwitchText(start, file.bridge) : kindOfNamespaceText(start);
    if (kind === null) miss('It is not seen which command printed it');
    else if (file.of === 'namespace') {
      if (kind === 'netns-list') host.host.set(kind, file.path);
      else below(host.namespaces, namespace).set(kind, file.path);
    } else if (file.bridge === null) host.ovs.set(kind, file.path);
    else below(host.bridges, file.bridge).set(kind, file.path);
  }
  return { folder: withParts(folder, parts), catalog };
}

function consequenceOf(file: LooseFile): string {
  if (file.of === 'api') return 'The objects of the cloud it holds are not known';
  if (file.of === 'config') return `What it configures on ${file.host} is not known`;
  if (file.of === 'namespace') return `What it tells of ${file.namespace} is not known`;
  return file.bridge === null
    ? `What it tells of the switch of ${file.host} is not known`
    : `Nothing is known of bridge ${file.bridge}`;
}

/** `ports` of `{"ports": [...]}`; null for anything else. */
function keysOfApi(start: string): string | null {
  return /^\s*\{\s*"([a-z_]+)"\s*:/.exec(start)?.[1]?.replaceAll('_', '-') ?? null;
}

function withParts(folder: Folder, parts: ReadonlyMap<string, string>): Folder {
  const encoder = new TextEncoder();
  return {
    list: () => [...folder.list(), ...parts.keys()],
    read(path) {
      const text = parts.get(path);
      return text === undefined ? folder.read(path) : encoder.encode(text);
    },
    ...(folder.unlisted === undefined ? {} : { unlisted: folder.unlisted }),
  };
}
