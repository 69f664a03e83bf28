/** How text is marked: the caller decides whether that is colour or nothing. */
export type Mark = 'good' | 'bad' | 'unsure' | 'dim' | 'strong';

/** Wraps already escaped text. */
export type Style = (mark: Mark, text: string) => string;

/** No marks at all: for files, pipes and tests. */
export const PLAIN: Style = (_mark, text) => text;
