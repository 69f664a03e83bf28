/**
 * Commands a person may copy: read-only ones that show a cause, and OpenStack's own that fix it.
 * Names of tenants never stand in a command unless every character of theirs is harmless.
 */
import { type NeutronSecurityGroup } from '../../model/neutron.ts';

const HARMLESS = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** The name when it is harmless and only one object has it, else the id. */
export function safeName(
  of: { readonly id: string; readonly name: string },
  all: readonly { readonly name: string }[],
): string {
  const unique = all.filter(({ name }) => name === of.name).length <= 1;
  return unique && HARMLESS.test(of.name) ? of.name : word(of.id);
}

/** A word for a shell, quoted when a shell would read more than a word in it. */
export function word(text: string): string {
  return /^[A-Za-z0-9_.,:/@=+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A command run on a host. */
export function onHost(host: string, command: string): string {
  return `ssh ${word(host)} "${command.replaceAll(/["$`\\]/g, '\\$&')}"`;
}

/** A command run in a namespace of a host. */
export function inNamespace(host: string, namespace: string, command: string): string {
  const inside = namespace === 'root' ? command : `ip netns exec ${word(namespace)} ${command}`;
  return onHost(host, inside);
}

/** Restarting an agent makes it program its host anew. */
export function restartAgent(host: string, agent: string): string {
  return onHost(host, `systemctl restart ${agent}`);
}

/** `openstack security group rule create …` for one kind of packet. */
export function createRule(
  group: NeutronSecurityGroup,
  all: readonly NeutronSecurityGroup[],
  rule: {
    readonly direction: 'ingress' | 'egress';
    readonly version: 4 | 6;
    readonly protocol: string;
    readonly port: number | null;
    readonly remote: string;
  },
): string {
  const six = rule.version === 6 ? ' --ethertype IPv6' : '';
  const port = rule.port === null ? '' : ` --dst-port ${rule.port}`;
  return (
    `openstack security group rule create --${rule.direction}${six} --protocol ${rule.protocol}` +
    `${port} --remote-ip ${rule.remote} ${safeName(group, all)}`
  );
}
