/**
 * The configuration of haproxy as far as it decides where connections go: the file as sections
 * of lines, and what its proxies mean (HAProxy Configuration Manual, section 4).
 */
import { type Origin } from '../../../text/problem.ts';
import { type IpAddress, type Prefix } from '../../routing/types.ts';

/** A file: every section with every line, so that it prints as it was read. */
export interface HaproxyFile {
  readonly sections: readonly HaproxySection[];
}

/** `global`, `defaults`, `frontend NAME`, `backend NAME`, `listen NAME`, `peers NAME`… */
export interface HaproxySection {
  readonly kind: string;
  readonly words: readonly string[];
  readonly lines: readonly HaproxyLine[];
  readonly origin: Origin;
}

export interface HaproxyLine {
  readonly words: readonly string[];
  readonly origin: Origin;
  /** Columns of the words, from 1. */
  readonly columns: readonly number[];
}

/** What the proxies of a file do. */
export interface Haproxy {
  readonly proxies: readonly HaproxyProxy[];
}

/** A frontend, a backend, or both in one (`listen`); `defaults` are applied. */
export interface HaproxyProxy {
  readonly name: string;
  readonly kind: 'frontend' | 'backend' | 'listen';
  readonly mode: 'tcp' | 'http';
  readonly disabled: boolean;
  readonly binds: readonly Bind[];
  readonly acls: readonly Acl[];
  /** In file order: what decides about a connection before a backend is chosen. */
  readonly rules: readonly ProxyRule[];
  readonly defaultBackend: string | null;
  readonly balance: Balance;
  readonly servers: readonly HaproxyServer[];
  /** `option allbackups`: all backup servers take over, not the first alone. */
  readonly allBackups: boolean;
  /** `option httpchk` and its kin: what a health check asks; null is a plain connection. */
  readonly check: string | null;
  /** `source ADDRESS`: what connections to servers come from. */
  readonly source: IpAddress | null;
  /** `source … usesrc`: connections carry the client's address. */
  readonly transparent: boolean;
  /** A client stays with its server: `cookie`, `stick on`. */
  readonly persistence: readonly string[];
  readonly origin: Origin;
}

/** Where a frontend listens. */
export interface Bind {
  /** null listens on every address. */
  readonly address: IpAddress | null;
  /** With a null address: 4, 6, or both (`:::80 v4v6`, `*:80` is 4). */
  readonly version: 4 | 6 | null;
  readonly ports: readonly [number, number];
  /** A unix socket's path; then there is no address. */
  readonly path: string | null;
  readonly tls: boolean;
  readonly origin: Origin;
}

/** `acl NAME CRITERION [FLAGS] VALUES`. */
export interface Acl {
  readonly name: string;
  readonly test: AclTest;
  readonly origin: Origin;
}

/** What a condition looks at; `opaque` is read and not understood, its answer is unknown. */
export type AclTest =
  | { readonly kind: 'address'; readonly of: 'src' | 'dst'; readonly prefixes: readonly Prefix[] }
  | {
      readonly kind: 'port';
      readonly of: 'src' | 'dst';
      readonly ranges: readonly (readonly [number, number])[];
    }
  | {
      readonly kind: 'text';
      /** `path`, `method`, `url`, or a header by its name in lower case. */
      readonly of: string;
      readonly how: 'exact' | 'begins' | 'ends' | 'contains' | 'directory' | 'domain' | 'found';
      readonly values: readonly string[];
      readonly ignoreCase: boolean;
    }
  | { readonly kind: 'tls' }
  | { readonly kind: 'always'; readonly value: boolean }
  | { readonly kind: 'opaque'; readonly text: string };

/** `if A B || !C`: one of the lists, all of its terms. */
export interface Condition {
  readonly unless: boolean;
  readonly anyOf: readonly (readonly Term[])[];
}

export interface Term {
  readonly not: boolean;
  /** Several `acl` lines of one name are alternatives. */
  readonly tests: readonly AclTest[];
}

/** A rule of a frontend. */
export interface ProxyRule {
  readonly kind: 'use-backend' | 'use-server' | 'reject' | 'accept' | 'redirect' | 'answer';
  /** The backend's or server's name, else what is done. */
  readonly target: string;
  readonly condition: Condition | null;
  readonly origin: Origin;
}

/** `balance ALGORITHM ARGUMENTS`. */
export interface Balance {
  readonly algorithm: string;
  readonly arguments: readonly string[];
  /** `hash-type consistent` and functions other than the plain map. */
  readonly consistentHash: boolean;
  readonly avalanche: boolean;
}

/** `server NAME ADDRESS[:PORT] SETTINGS`. */
export interface HaproxyServer {
  readonly name: string;
  readonly address: IpAddress | null;
  /** A name to be resolved, or the path of a unix socket. */
  readonly host: string | null;
  readonly path: string | null;
  /** null: the port the client came to. */
  readonly port: number | null;
  readonly weight: number;
  /** `check`: it is only used while its health check passes. */
  readonly checked: boolean;
  readonly checkAddress: IpAddress | null;
  readonly checkPort: number | null;
  /** `inter`: between two checks. */
  readonly checkInterval_us: number;
  /** `fall`, `rise`: so many failures, or successes, in a row take it down, or up. */
  readonly fall: number;
  readonly rise: number;
  readonly backup: boolean;
  readonly disabled: boolean;
  readonly source: IpAddress | null;
  readonly origin: Origin;
}
