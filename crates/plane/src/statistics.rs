use serde_json::{Value, json};

use crate::Sidecar;

/// Istio's tags: the name of each, and the part of a statistic's name that is its value.
const TAGS: [(&str, &str); 16] = [
    ("cluster_name", r"^cluster(\.(.+);)"),
    ("http_conn_manager_prefix", r"^http\.(((?:[_.[:digit:]\w]*|[_\[\]aAbBcCdDeEfF[:digit:]\w\:]*));\.)"),
    ("thread_name", r"^server(\.(.+))\.watchdog"),
    ("tcp_prefix", r"^tcp\.((.*?)\.)\w+?$"),
    ("response_code", r"_rq(_(\d{3}))$"),
    ("response_code_class", r"_rq(_(\dxx))$"),
    (
        "http_conn_manager_listener_prefix",
        r"^listener(?=\.).*?\.http\.(((?:[_.[:digit:]]*|[_\[\]aAbBcCdDeEfF[:digit:]]*))\.)",
    ),
    ("listener_address", r"^listener\.(((?:[_.[:digit:]]*|[_\[\]aAbBcCdDeEfF[:digit:]]*))\.)"),
    ("mongo_prefix", r"^mongo\.(.+?)\.(collection|cmd|cx_|op_|delays_|decoding_)(.*?)$"),
    ("cache", r"(cache\.(.+?)\.)"),
    ("component", r"(component\.(.+?)\.)"),
    ("tag", r"(tag\.(.+?);\.)"),
    ("wasm_filter", r"(wasm_filter\.(.+?)\.)"),
    ("authz_enforce_result", r"rbac(\.(allowed|denied))"),
    ("authz_dry_run_action", r"(\.istio_dry_run_(allow|deny)_)"),
    ("authz_dry_run_result", r"(\.shadow_(allowed|denied))"),
];

/// Istio's list of statistics, and one more counter for each cluster: retried requests, because a sidecar that retries
/// hides failures. Almost none of Envoy's own statistics are created, since a sidecar's memory depends on them.
pub(crate) fn config(options: &Sidecar) -> Value {
    let mut config = json!({
        "use_all_default_tags": false,
        "stats_matcher": {"inclusion_list": {"patterns": [
            {"prefix": "reporter="},
            {"prefix": "cluster_manager"},
            {"prefix": "listener_manager"},
            {"prefix": "server"},
            {"prefix": "cluster.xds-grpc"},
            {"prefix": "wasm"},
            {"suffix": "rbac.allowed"},
            {"suffix": "rbac.denied"},
            {"suffix": "shadow_allowed"},
            {"suffix": "shadow_denied"},
            {"safe_regex": {"regex": r"vhost\..*\.route\..*"}},
            {"prefix": "component"},
            {"prefix": "istio"},
            {"safe_regex": {"regex": r"cluster\.(in|out)bound\|.*\.upstream_rq_retry"}},
        ]}},
    });
    if !options.preset.is_before_1_10() {
        config["stats_tags"] = TAGS.iter().map(|(name, regex)| json!({"tag_name": name, "regex": regex})).collect();
    }
    config
}
