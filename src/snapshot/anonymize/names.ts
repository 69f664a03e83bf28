/** Names that people gave: found in the API's objects, host folders and guests' namespaces. */
import { type Keyed } from './trees.ts';

/** Members of the API's objects whose values somebody chose. */
const NAMED = new Set([
  'name',
  'description',
  'dns_name',
  'dns_domain',
  'hostname',
  'host',
  'binding:host_id',
  'project_id',
  'tenant_id',
  'display_name',
  'fqdn',
  'user_id',
]);
/** The same for lists of words. */
const LISTED = new Set(['tags']);

/** Words that programs gave, or that mean something in a dump's own paths. */
const ORDINARY = new Set(['', 'root', 'default', 'local', 'localhost', 'host', 'nova', 'admin']);

const ID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/;

export class Names {
  readonly #keyed: Keyed;
  readonly #given = new Map<string, string>();

  constructor(keyed: Keyed) {
    this.#keyed = keyed;
  }

  /** The pseudonym of a name, the same wherever it stands; ids are renamed elsewhere. */
  of(name: string): string {
    if (ORDINARY.has(name) || ID.test(name)) return name;
    const known = this.#given.get(name);
    if (known !== undefined) return known;
    const to = `name-${this.#keyed(`name ${name}`).slice(0, 8)}`;
    this.#given.set(name, to);
    return to;
  }

  /** An answer of the API with its names exchanged; null when it is no JSON. */
  json(text: string): string | null {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return null;
    }
    return `${JSON.stringify(this.#walk(value), null, 1)}\n`;
  }

  #walk(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((each) => this.#walk(each));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, each]: [string, unknown]) => [key, this.#member(key, each)]),
    );
  }

  #member(key: string, value: unknown): unknown {
    if (typeof value === 'string' && NAMED.has(key)) return this.of(value);
    if (Array.isArray(value) && LISTED.has(key)) {
      return value.map((each: unknown) => (typeof each === 'string' ? this.of(each) : each));
    }
    return this.#walk(value);
  }
}

/** Exchanges whole words of a text; `words` are host names and `vm-NAME`. */
export function wordsRenamed(words: ReadonlyMap<string, string>): (text: string) => string {
  const list = [...words.keys()].sort((a, b) => b.length - a.length);
  if (list.length === 0) return (text) => text;
  const escaped = list.map((word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const any = new RegExp(`(?<![\\w-])(?:${escaped.join('|')})(?![\\w-])`, 'g');
  return (text) => text.replace(any, (word) => words.get(word) ?? word);
}

export function isOrdinary(name: string): boolean {
  return ORDINARY.has(name);
}
