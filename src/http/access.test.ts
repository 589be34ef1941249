import { describe, expect, it } from 'vitest';
import { Secret } from '../base/index.js';
import { isLoopback, requireMayChange } from './access.js';

describe('access to changes', () => {
  it('knows loopback addresses of both families, and no others', () => {
    for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) {
      expect(isLoopback(address), address).toBe(true);
    }
    for (const address of ['10.0.0.1', '::ffff:10.0.0.1', 'fe80::1', '', '1127.0.0.1', '::']) {
      expect(isLoopback(address), address).toBe(false);
    }
  });

  it('refuses other hosts without a token, and says what to set', () => {
    const caller = { address: '10.0.0.1', authorization: undefined, origin: undefined };
    expect(() => requireMayChange(caller, null)).toThrow(
      expect.objectContaining({ code: 'forbidden', next: expect.stringContaining('manager.yaml') }),
    );
    expect(() => requireMayChange({ ...caller, authorization: 'Bearer t' }, new Secret('t'))).not.toThrow();
    expect(() => requireMayChange({ ...caller, address: '127.0.0.1' }, new Secret('t'))).toThrow(/need a token/);
  });
});
