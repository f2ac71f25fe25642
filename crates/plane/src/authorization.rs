//! Istio's authorization policies: rules that a sidecar asks before it lets a request or a connection through.

use serde_json::{Map, Value, json};

use crate::extension::extension;
use crate::{Sidecar, spiffe};

/// The filter of HTTP connections; none without rules.
pub(crate) fn http(options: &Sidecar) -> Option<Value> {
    let rules = json!({"rules": rules(options.authz)});
    (options.authz > 0)
        .then(|| extension("envoy.filters.http.rbac", "envoy.extensions.filters.http.rbac.v3.RBAC", rules))
}

/// The filter of other connections; none without rules.
pub(crate) fn tcp(options: &Sidecar) -> Option<Value> {
    let rules = json!({"stat_prefix": "tcp.", "rules": rules(options.authz)});
    (options.authz > 0)
        .then(|| extension("envoy.filters.network.rbac", "envoy.extensions.filters.network.rbac.v3.RBAC", rules))
}

/// One policy with `number` rules for callers that do not exist, and one rule that lets everybody pass. Envoy asks them in
/// the order of their names, so that each request is held against all of them.
fn rules(number: u32) -> Value {
    let name = |index: u32| format!("ns[default]-policy[meshtax]-rule[{index:05}]");
    let nobody = |index: u32| {
        let principal = json!({"authenticated": {"principal_name": {"exact": spiffe(&format!("nobody-{index}"))}}});
        json!({"and_ids": {"ids": [{"or_ids": {"ids": [principal]}}]}})
    };
    let everybody = json!({"and_ids": {"ids": [{"any": true}]}});
    let rule = |principals: Value| json!({"permissions": [{"and_rules": {"rules": [{"any": true}]}}], "principals": [principals]});
    let mut policies: Map<String, Value> = (0..number).map(|index| (name(index), rule(nobody(index)))).collect();
    policies.insert(name(number), rule(everybody));
    json!({"action": "ALLOW", "policies": policies})
}
