/** Whether an ACL condition holds for a connection, as far as the connection is known. */
import { prefixMask } from '../../../packet/addresses.ts';
import { type IpAddress } from '../../routing/types.ts';
import { type AclTest, type Condition } from './types.ts';

/** A connection that arrived at a frontend. */
export interface Incoming {
  readonly source: IpAddress;
  readonly sourcePort: number;
  readonly destination: IpAddress;
  readonly destinationPort: number;
  readonly tls: boolean;
  /** null when the content of the connection is not known. */
  readonly request: HttpRequest | null;
}

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Yes, no, or not to be told from what is known. */
export type Answer = 'yes' | 'no' | 'unknown';

/** Whether the condition holds; without one it does. */
export function conditionHolds(condition: Condition | null, incoming: Incoming): Answer {
  if (condition === null) return 'yes';
  const holds = anyOf(
    condition.anyOf.map((terms) =>
      allOf(
        terms.map(({ not, tests }) => {
          const answer = anyOf(tests.map((test) => testHolds(test, incoming)));
          return not ? negate(answer) : answer;
        }),
      ),
    ),
  );
  return condition.unless ? negate(holds) : holds;
}

function negate(answer: Answer): Answer {
  if (answer === 'unknown') return 'unknown';
  return answer === 'yes' ? 'no' : 'yes';
}

function anyOf(answers: readonly Answer[]): Answer {
  if (answers.includes('yes')) return 'yes';
  return answers.includes('unknown') ? 'unknown' : 'no';
}

function allOf(answers: readonly Answer[]): Answer {
  if (answers.includes('no')) return 'no';
  return answers.includes('unknown') ? 'unknown' : 'yes';
}

function testHolds(test: AclTest, incoming: Incoming): Answer {
  switch (test.kind) {
    case 'address': {
      const address = test.of === 'src' ? incoming.source : incoming.destination;
      return truth(test.prefixes.some((prefix) => contains(prefix, address)));
    }
    case 'port': {
      const port = test.of === 'src' ? incoming.sourcePort : incoming.destinationPort;
      return truth(test.ranges.some(([from, to]) => port >= from && port <= to));
    }
    case 'tls':
      return truth(incoming.tls);
    case 'always':
      return truth(test.value);
    case 'text':
      return textHolds(test, incoming.request);
    case 'opaque':
      return 'unknown';
  }
}

function truth(value: boolean): Answer {
  return value ? 'yes' : 'no';
}

function contains(
  { address, length }: { readonly address: IpAddress; readonly length: number },
  other: IpAddress,
): boolean {
  if (address.version !== other.version) return false;
  const mask = prefixMask(address.version, length);
  return (address.value & mask) === (other.value & mask);
}

function textHolds(test: Extract<AclTest, { kind: 'text' }>, request: HttpRequest | null): Answer {
  if (request === null) return 'unknown';
  const found = textOf(test.of, request);
  if (found === undefined) return 'no';
  if (test.how === 'found') return 'yes';
  const fold = (text: string): string => (test.ignoreCase ? text.toLowerCase() : text);
  const text = fold(found);
  return truth(test.values.some((value) => compares(test.how, text, fold(value))));
}

function textOf(of: string, { method, path, headers }: HttpRequest): string | undefined {
  if (of === 'method') return method;
  if (of === 'url') return path;
  // The path ends before the query (RFC 9110 §4.1).
  if (of === 'path') return path.split('?')[0];
  return headers.get(of.replace(/^header /, ''));
}

function compares(how: string, text: string, value: string): boolean {
  switch (how) {
    case 'exact':
      return text === value;
    case 'begins':
      return text.startsWith(value);
    case 'ends':
      return text.endsWith(value);
    case 'contains':
      return text.includes(value);
    // Between slashes, and for domains between dots and other delimiters (section 7.1.3).
    case 'directory':
      return `/${text}/`.includes(`/${trim(value, '/')}/`);
    case 'domain':
      return text.split(/[/?:]/).some((part) => `.${part}.`.includes(`.${trim(value, '.')}.`));
    default:
      return false;
  }
}

function trim(text: string, char: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && text[from] === char) from++;
  while (to > from && text[to - 1] === char) to--;
  return text.slice(from, to);
}
