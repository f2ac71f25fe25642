//! Spans reach a collector where the topology has one.

use super::stand;

const TOPOLOGY: &str = "
name: traced
services:
  back: {port: 8080, endpoints: {/: {response: 100 B}}}
  zipkin: {port: 9411, endpoints: {/api/v2/spans: {response: 0 B}}}
  otel-collector: {port: 4318, endpoints: {/v1/traces: {response: 0 B}}}
";

const EXPERIMENT: &str = "
name: traced
topology: topology.yaml
arms:
  sidecar: {plane: sidecar}
  b3: {plane: sidecar, tracing: b3, sampling: 100%}
  traceparent: {plane: sidecar, tracing: traceparent, sampling: 100%}
load:
  sequential: {target: 'http://back:8080/', requests: 60}
warmup: 0
rounds: 1
idle: {windows: 8, window: 50ms}
";

/// Envoy sends spans by fives, and 60 requests with a sidecar at both ends make 120.
#[test]
fn spans_go_to_the_collector_of_the_topology() {
    let lab = stand(TOPOLOGY, EXPERIMENT);
    for (arm, collectors) in [("sidecar", [false, false]), ("b3", [true, false]), ("traceparent", [false, true])] {
        let received = ["zipkin", "otel-collector"]
            .map(|service| lab.run.requests(arm, service).iter().map(|(_, requests)| requests).sum::<u64>() > 0);
        assert_eq!(received, collectors, "{arm}");
        assert_eq!(lab.run.metric(arm, "errors"), 0.0, "{arm}");
    }
}
