/** What the terminal allows: colour, width. Meaning never depends on colour alone. */

/** How to write to one stream. */
export interface Terminal {
  readonly colour: boolean;
  readonly width: number;
}

interface StreamLike {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** NO_COLOR and TERM=dumb turn colour off, FORCE_COLOR on; a flag wins over both. */
export function terminalOf(
  stream: StreamLike,
  environment: Readonly<Record<string, string | undefined>>,
  flag: boolean | undefined,
): Terminal {
  const wanted = environment['FORCE_COLOR'] !== undefined && environment['FORCE_COLOR'] !== '0';
  const refused = (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb';
  const colour = flag ?? (wanted || (!refused && stream.isTTY === true));
  return { colour, width: Math.max(60, stream.columns ?? 100) };
}

const CODES = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const;

/** Wraps text in an SGR sequence when the terminal takes colour. */
export function paint(terminal: Terminal, style: keyof typeof CODES, text: string): string {
  return terminal.colour ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text;
}
