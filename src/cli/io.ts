/** Where a command reads and writes: the process, or whatever runs a command inside of another. */

/** One stream of text, and what is known of whoever reads it. */
export interface TextStream {
  write(text: string): void;
  /** A person looks at it. */
  readonly isTTY: boolean;
  /** Columns of the terminal; undefined when it is none. */
  readonly columns: number | undefined;
}

export interface Io {
  /** The answer. */
  readonly out: TextStream;
  /** Progress, warnings and errors. */
  readonly err: TextStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What a command is given beside its own arguments. */
export interface Call {
  readonly io: Io;
  /** The exit code; commands that find nothing wrong leave it. */
  exitCode: number;
}

/** The streams and the environment of this process. */
export function processIo(): Io {
  return { out: streamOf(process.stdout), err: streamOf(process.stderr), environment: process.env };
}

function streamOf(stream: NodeJS.WriteStream): TextStream {
  return {
    write: (text) => void stream.write(text),
    get isTTY() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.isTTY === true ? stream.columns : undefined;
    },
  };
}
