/** The metadata proxy: haproxy in a router's or a DHCP server's namespace (agent/metadata/driver.py). */
import { METADATA_TEXT } from '../../model/metadata-address.ts';

export interface Proxy {
  readonly files: ReadonlyMap<string, string>;
  readonly commandLines: readonly string[];
}

/**
 * The proxy of a router listens on 9697 for what was redirected there; the one of a network
 * without router answers on the metadata address itself, on `device`.
 */
export function metadataProxy(of: 'router' | 'network', id: string, device = ''): Proxy {
  const header = of === 'router' ? 'X-Neutron-Router-ID' : 'X-Neutron-Network-ID';
  const other = of === 'router' ? 'X-Neutron-Network-ID' : 'X-Neutron-Router-ID';
  const binds =
    of === 'router'
      ? ['bind :::9697']
      : [`bind ${METADATA_TEXT[4]}:80`, `bind ${METADATA_TEXT[6]}:80 interface ${device}`];
  const text = [
    'global',
    '    log         /dev/log local0 info',
    `    log-tag     haproxy-metadata-proxy-${id}`,
    '    maxconn     1024',
    `    pidfile     /var/lib/neutron/external/pids/${id}.pid.haproxy`,
    '    daemon',
    '',
    'defaults',
    '    log global',
    '    mode http',
    '    option httplog',
    '    option dontlognull',
    '    option http-server-close',
    '    option forwardfor',
    '    retries                 3',
    '    timeout http-request    30s',
    '    timeout connect         30s',
    '    timeout client          32s',
    '    timeout server          32s',
    '    timeout http-keep-alive 30s',
    '',
    'listen listener',
    ...binds.map((bind) => `    ${bind}`),
    '    server metadata /var/lib/neutron/metadata_proxy',
    `    http-request del-header ${other}`,
    `    http-request set-header ${header} ${id}`,
    '',
  ].join('\n');
  return {
    files: new Map([[`ns-metadata-proxy/${id}.conf`, text]]),
    commandLines: [`haproxy -f /var/lib/neutron/ns-metadata-proxy/${id}.conf`],
  };
}
