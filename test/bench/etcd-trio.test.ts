import { describe, expect, it } from 'vitest';
import { metricOf } from './etcd-trio.js';

const text = `# TYPE grpc_server_handling_seconds histogram
grpc_server_handling_seconds_bucket{grpc_method="Put",grpc_service="etcdserverpb.KV",le="0.01"} 9
grpc_server_handling_seconds_sum{grpc_method="Range",grpc_service="etcdserverpb.KV",grpc_type="unary"} 7
grpc_server_handling_seconds_sum{grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"} 1.5e-02
grpc_server_handling_seconds_count{grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"} 12
`;

describe('metricOf', () => {
  it('finds the value of a method', () => {
    expect(metricOf(text, 'grpc_server_handling_seconds_sum', 'Put')).toBe(0.015);
    expect(metricOf(text, 'grpc_server_handling_seconds_count', 'Put')).toBe(12);
  });

  it('is 0 for what was never called', () => {
    expect(metricOf(text, 'grpc_server_handling_seconds_count', 'Txn')).toBe(0);
  });
});
