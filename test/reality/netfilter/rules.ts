/** The rules of a case's nodes as hooks of their stacks. */
export { hooksFor } from './netfilter-of.ts';
