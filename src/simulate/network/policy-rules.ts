/**
 * Policy rules that a master sets and gives back (`virtual_rules` of keepalived.conf(5)): its words
 * are those of ip-rule(8), and the kernel's list of rules is what a namespace has then.
 */
import { defaultRules } from '../../dataplane/routing/kernel-routes.ts';
import { readRules } from '../../dataplane/routing/text/rule.ts';
import { type Namespace, type PolicyRule } from '../../dataplane/routing/types.ts';
import { type VirtualRule } from '../../dataplane/vrrp/types.ts';

/** Words that keepalived takes beside the one that `ip rule` prints. */
const PRINTED: Readonly<Record<string, string>> = {
  table: 'lookup',
  dsfield: 'tos',
  ip_proto: 'ipproto',
  suppress_prefixlen: 'suppress_prefixlength',
};
const PREFERENCE = new Set(['preference', 'pref', 'order', 'priority']);
/** Who set the rule, its family and its group: nothing that packets ask. */
const SILENT = new Set(['protocol', 'inet', 'inet6', 'unicast', 'track_group']);
const SUPPRESSING = 'suppress_prefixlength';

/** A rule as the kernel would hold it; its priority is null where the kernel chooses it. */
export interface ReadRule {
  readonly rule: PolicyRule;
  readonly priority: number | null;
}

/** What a rule of the configuration asks for; null when a word has no meaning here. */
export function policyRuleOf({ attributes, origin }: VirtualRule): ReadRule | null {
  const words: string[] = [];
  const last: string[] = [];
  let priority: number | null = null;
  let version: 4 | 6 = 4;
  for (const { name, value } of attributes) {
    if (name === 'inet6') version = 6;
    if (SILENT.has(name)) continue;
    if (PREFERENCE.has(name)) priority = Number(value);
    else if (value === 'all' && (name === 'from' || name === 'to')) continue;
    else {
      const word = PRINTED[name] ?? name;
      // It says something about the lookup that has to be there before.
      const into = word === SUPPRESSING ? last : words;
      into.push(word, ...(value === null ? [] : [value]));
    }
  }
  const text = `${priority ?? 0}: ${[...words, ...last].join(' ')}`;
  const { value, problems } = readRules(origin.file, text, version);
  const [rule] = value;
  if (rule === undefined || problems.length > 0) return null;
  return { rule: { ...rule, origin }, priority };
}

/** Adds a rule behind those of its priority; without one it comes before all but the first. */
export function addPolicyRule(namespace: Namespace, { rule, priority }: ReadRule): Namespace {
  const { version } = rule;
  const known = namespace.rules.some((one) => one.version === version);
  const rules = known ? namespace.rules : [...namespace.rules, ...defaultRules(version)];
  const added = { ...rule, priority: priority ?? chosenPriority(rules, version) };
  if (rules.some((one) => keyOf(one) === keyOf(added))) return namespace;
  return { ...namespace, rules: [...rules, added] };
}

/** Removes the first rule that says the same; of any priority where none is stated. */
export function removePolicyRule(namespace: Namespace, { rule, priority }: ReadRule): Namespace {
  const key = keyOf(rule, priority);
  const sorted = [...namespace.rules].sort((a, b) => a.priority - b.priority);
  const gone = sorted.find((one) => keyOf(one, priority === null ? null : one.priority) === key);
  if (gone === undefined) return namespace;
  return { ...namespace, rules: namespace.rules.filter((one) => one !== gone) };
}

/** fib_default_rule_pref(): one less than the second rule's. */
function chosenPriority(rules: readonly PolicyRule[], version: 4 | 6): number {
  const own = rules.filter((one) => one.version === version).map((one) => one.priority);
  const [, second = 0] = own.sort((a, b) => a - b);
  return Math.max(0, second - 1);
}

function keyOf(
  { origin: _, ...rule }: PolicyRule,
  priority: number | null = rule.priority,
): string {
  const plain = (_key: string, value: unknown): unknown =>
    typeof value === 'bigint' ? value.toString() : value;
  return JSON.stringify({ ...rule, priority }, plain);
}
