//! Istio's authorization policies: rules that a sidecar checks before it lets a request or a connection through.

use serde_json::{Map, Value, json};

use crate::extension::extension;
use crate::{Sidecar, spiffe};

/// The filter of HTTP connections; `None` without rules.
pub(crate) fn http(options: &Sidecar) -> Option<Value> {
    let rules = fields(json!({}), options);
    (options.authz > 0)
        .then(|| extension("envoy.filters.http.rbac", "envoy.extensions.filters.http.rbac.v3.RBAC", rules))
}

/// The filter of other connections; `None` without rules.
pub(crate) fn tcp(options: &Sidecar) -> Option<Value> {
    let rules = fields(json!({"stat_prefix": "tcp."}), options);
    (options.authz > 0)
        .then(|| extension("envoy.filters.network.rbac", "envoy.extensions.filters.network.rbac.v3.RBAC", rules))
}

fn fields(mut fields: Value, options: &Sidecar) -> Value {
    fields["rules"] = rules(options.authz);
    if !options.preset.is_before_1_10() {
        // Statistics of policies in dry-run mode, of which there are none.
        fields["shadow_rules_stat_prefix"] = "istio_dry_run_allow_".into();
    }
    fields
}

/// One policy with `number` rules for callers that do not exist, and one rule that allows everybody. Envoy checks them
/// in the order of their names. Leading zeros keep the last rule last, and a small number of rules has Istio's names.
fn rules(number: u32) -> Value {
    let width = number.to_string().len();
    let name = |index: u32| format!("ns[default]-policy[meshtax]-rule[{index:0width$}]");
    let nobody = |index: u32| {
        let principal = json!({"authenticated": {"principal_name": {"exact": spiffe(&format!("nobody-{index}"))}}});
        json!({"and_ids": {"ids": [{"or_ids": {"ids": [principal]}}]}})
    };
    let everybody = json!({"and_ids": {"ids": [{"any": true}]}});
    let rule = |principals: Value| json!({"permissions": [{"and_rules": {"rules": [{"any": true}]}}], "principals": [principals]});
    let mut policies: Map<String, Value> = (0..number).map(|index| (name(index), rule(nobody(index)))).collect();
    policies.insert(name(number), rule(everybody));
    json!({"policies": policies})
}
