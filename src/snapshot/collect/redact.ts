/** Secrets that stand in what hosts tell: replaced before anything is written. */

const SECRETS: readonly RegExp[] = [
  // keepalived.conf(5) authentication.
  /^(\s*auth_pass\s+)(\S.*)$/gm,
  // Options of OpenStack's services.
  /^(\s*[a-z_]*(?:password|secret|token|psk|passphrase)\s*[=:]\s*)(\S.*)$/gim,
  /^(\s*(?:transport_url|connection|sql_connection)\s*=\s*)(\S.*)$/gim,
  // haproxy: users, and the secret by which metadata is asked for.
  /^(\s*user\s+\S+\s+(?:insecure-)?password\s+)(\S+)/gm,
  /^(\s*http-request\s+(?:add|set)-header\s+X-(?:Instance-ID-Signature|Metadata-Provider-Signature)\s+)(\S.*)$/gm,
  // Private keys in any file.
  /(-----BEGIN [A-Z ]*PRIVATE KEY-----)[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----)/g,
];

export const REDACTED = 'REDACTED';

/** The text without secrets; that there was one stays visible. */
export function redacted(text: string): string {
  return SECRETS.reduce(
    (now, secret) =>
      now.replaceAll(secret, (_whole, before: string, _value: string, after?: unknown) =>
        typeof after === 'string' && after.startsWith('-----')
          ? `${before}${REDACTED}${after}`
          : `${before}${REDACTED}`,
      ),
    text,
  );
}
