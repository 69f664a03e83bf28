/** A kind of change on a host, and the ways to change a line. */
export type Row = Record<string, unknown>;

export interface Kind {
  readonly what: string;
  readonly capture: string;
  readonly folder?: string;
  /** Files that may be hit. */
  readonly files: RegExp;
  /** Lines, or rows of JSON as text, that may be hit. */
  readonly where: RegExp;
  /** The changed line; null takes it away. */
  readonly edit: (line: string) => string | null;
  /** False where no object owns it. */
  readonly owned?: false;
}

export const gone = (): null => null;
export const swap =
  (from: string | RegExp, to: string) =>
  (line: string): string =>
    line.replace(from, to);
/** Changes a row of an `ip -json` file. */
export const row =
  (change: (of: Row) => Row) =>
  (line: string): string =>
    JSON.stringify(change(JSON.parse(line) as Row));
export const addresses =
  (change: (list: readonly Row[]) => readonly Row[]) =>
  (of: Row): Row => ({ ...of, addr_info: change((of['addr_info'] ?? []) as readonly Row[]) });

/** Files of routers’ namespaces, and of the own one of hosts with agents. */
export const QROUTER = (file: string): RegExp => new RegExp(`ns/qrouter-[^/]+/${file}$`);
export const ROOT = (file: string): RegExp =>
  new RegExp(`hosts/(compute\\d|net\\d)/ns/root/${file}$`);
