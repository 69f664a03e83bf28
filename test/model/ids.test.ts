/** Device names that Neutron derives from ids. */
import { describe, expect, it } from 'vitest';
import {
  deviceName,
  floatingVeth,
  namespaceOwner,
  networkBridge,
  portIdPrefix,
  tunnelPort,
} from '../../src/model/ids.ts';

const port = 'a185382d-85ff-4c7a-8083-a6869063a1aa';

describe('device names', () => {
  it('carry the first eleven characters of an id', () => {
    expect(deviceName('tap', port)).toBe('tapa185382d-85');
    expect(deviceName('qr-', port)).toBe('qr-a185382d-85');
    expect(networkBridge(port)).toBe('brqa185382d-85');
    expect(portIdPrefix('qvoa185382d-85')).toBe('a185382d-85');
    expect(portIdPrefix('tap0')).toBeUndefined();
    expect(portIdPrefix('eth0')).toBeUndefined();
  });

  it('name tunnels by type and remote address, veths by router', () => {
    expect(tunnelPort('vxlan', 0x0a140064n)).toBe('vxlan-0a140064');
    expect(floatingVeth('5b7e2942-a074-4b73-a49b-76af2ab1cdd9')).toEqual({
      rfp: 'rfp-5b7e2942-a',
      fpr: 'fpr-5b7e2942-a',
    });
  });

  it('tell what a namespace serves', () => {
    expect(namespaceOwner(`snat-${port}`)).toEqual({ kind: 'snat', id: port });
    expect(namespaceOwner('vm-a1')).toBeUndefined();
  });
});
