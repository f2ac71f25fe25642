use serde_json::{Value, json};

use crate::Sidecar;
use crate::extension::extension;
use crate::telemetry::Reporter;

/// Istio's default format (`mesh.DefaultEnvoyLogFormat`).
const FORMAT: &str = concat!(
    r#"[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% "#,
    r#"%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% "#,
    r#"%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "#,
    r#""%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% "#,
    r#"%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%"#,
    "\n"
);

/// The access loggers of requests: lines on standard output, then Istio's metrics.
pub(crate) fn http(options: &Sidecar, reporter: Option<&Reporter>) -> Vec<Value> {
    lines(options).chain(reporter.into_iter().flat_map(Reporter::http)).collect()
}

/// The access loggers of connections that are not HTTP.
pub(crate) fn tcp(options: &Sidecar, reporter: Option<&Reporter>) -> Vec<Value> {
    // Metrics count opened connections, so their logger also runs when one opens. A line is only for the end.
    let ended = |mut line: Value| {
        if reporter.is_some() {
            line["filter"] = json!({"log_type_filter": {"types": ["TcpConnectionEnd"]}});
        }
        line
    };
    lines(options).map(ended).chain(reporter.into_iter().flat_map(Reporter::tcp)).collect()
}

/// The access logger for connections that no filter chain of a listener takes.
///
/// Empty if nothing is logged, or for older releases.
pub(crate) fn unmatched(options: &Sidecar) -> Vec<Value> {
    if options.preset.is_before_1_10() {
        return Vec::new();
    }
    let refused = |mut line: Value| {
        line["filter"] = json!({"response_flag_filter": {"flags": ["NR"]}});
        line
    };
    lines(options).map(refused).collect()
}

fn lines(options: &Sidecar) -> impl Iterator<Item = Value> {
    let file = json!({"path": "/dev/stdout", "log_format": {"text_format_source": {"inline_string": FORMAT}}});
    options
        .access_log
        .then(|| extension("envoy.access_loggers.file", "envoy.extensions.access_loggers.file.v3.FileAccessLog", file))
        .into_iter()
}
