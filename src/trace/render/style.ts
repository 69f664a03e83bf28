/** How text is marked and how wide a page is: the caller decides, the renderers only ask. */
export type Mark = 'good' | 'bad' | 'unsure' | 'dim' | 'strong';

/** Wraps already escaped text. */
export type Style = (mark: Mark, text: string) => string;

/** No marks at all: for files, pipes and tests. */
export const PLAIN: Style = (_mark, text) => text;

/** Where the text goes. */
export interface Page {
  readonly style: Style;
  /** Columns. Commands, rules and file names are never broken, whatever the width. */
  readonly width: number;
}

/** A page for files and pipes. */
export const PLAIN_PAGE: Page = { style: PLAIN, width: 100 };
