/** The rules of a case's nodes as hooks of their stacks. */
import { compileNamespace, makeStack } from '../../../src/dataplane/routing/stack.ts';
import { type Case } from './case.ts';
import { type MakeStack } from './run-case.ts';

export function hooksFor(_one: Case): MakeStack {
  return (_node, namespace) => makeStack(compileNamespace(namespace));
}
