/** A certificate as a file: a location a line, and read back without trusting its shape. */
import { jsonText } from '../../text/escape.ts';
import { type Certificate } from './types.ts';

/** JSON with one line for each variable, box that was asked about, and location. */
export function certificateText({ variables, asked, locations, ...head }: Certificate): string {
  const parts = { ...head, variables, asked, locations };
  const lines = (all: readonly unknown[]): string =>
    all.length === 0 ? '[]' : `[\n${all.map((each) => `    ${line(each)}`).join(',\n')}\n  ]`;
  const entries = Object.entries(parts).map(([key, value]) => {
    return `  "${key}": ${Array.isArray(value) ? lines(value) : line(value)}`;
  });
  return `{\n${entries.join(',\n')}\n}\n`;
}

function line(value: unknown): string {
  return jsonText(value).replace(/\s*\n\s*/g, ' ');
}

type Shape = (value: unknown, at: string) => string | null;

const text: Shape = (value, at) => (typeof value === 'string' ? null : `${at} is no text`);
const whole: Shape = (value, at) => (Number.isSafeInteger(value) ? null : `${at} is no number`);
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function first(found: readonly (string | null)[]): string | null {
  return found.find((each) => each !== null) ?? null;
}

const list =
  (of: Shape): Shape =>
  (value, at) =>
    Array.isArray(value)
      ? first(value.map((each, i) => of(each, `${at}[${i}]`)))
      : `${at} is no list`;

const record =
  (of: Shape): Shape =>
  (value, at) =>
    isObject(value)
      ? first(Object.entries(value).map(([key, each]) => of(each, `${at} ${key}`)))
      : `${at} is no object`;

const object =
  (rows: Readonly<Record<string, Shape>>): Shape =>
  (value, at) =>
    isObject(value)
      ? first(Object.entries(rows).map(([key, of]) => of(value[key], `${at}.${key}`)))
      : `${at} is no object`;

const orNull =
  (of: Shape): Shape =>
  (value, at) =>
    value === null ? null : of(value, at);

const interval: Shape = (value, at) =>
  Array.isArray(value) && value.length === 2 ? list(whole)(value, at) : `${at} is no interval`;

const boxes = list(record(interval));
const place = object({ host: text, device: text });
const end: Shape = (value, at) => {
  const kind = isObject(value) ? value['kind'] : undefined;
  if (kind === 'dropped') return object({ reason: text })(value, at);
  return kind === 'delivered' ? object({ to: text })(value, at) : `${at} is no end`;
};
const location = object({
  id: whole,
  place,
  what: text,
  rule: orNull(object({ text, at: text, shows: record(list(text)) })),
  in: boxes,
  parts: list(object({ boxes, to: list(whole) })),
  end: orNull(end),
});
const certificate = object({
  from: place,
  to: place,
  variables: list(object({ name: text, low: whole, high: whole })),
  asked: boxes,
  locations: list(location),
});

/** The certificate of a text, or what is wrong with its shape. */
export function readCertificate(source: string): Certificate | string {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const wrong = certificate(value, 'the certificate');
  if (wrong !== null) return wrong;
  const { version, claim } = value as Certificate;
  // The claim says what the checker is to look for.
  if (version !== 1 || claim !== 'never') return 'only version 1 of the claim "never" is known';
  return value as Certificate;
}
