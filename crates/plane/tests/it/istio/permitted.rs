//! The permitted differences, and why. None of them changes a request's status, bytes or connection.

/// Differences of one kind.
pub struct Permitted {
    /// The line, after `-` if only Istio has it or `+` if only ours has it. `*` stands for anything.
    pub line: &'static str,
    /// Why the difference is permitted.
    pub reason: &'static str,
}

impl Permitted {
    /// Whether this entry permits a difference.
    pub fn allows(&self, line: &str) -> bool {
        assert!(!self.reason.is_empty(), "{} needs a reason", self.line);
        let mut parts = self.line.split('*');
        let Some(mut left) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
        let mut parts: Vec<&str> = parts.collect();
        let Some(last) = parts.pop() else { return left.is_empty() };
        for part in parts {
            match left.split_once(part) {
                Some((_, after)) => left = after,
                None => return false,
            }
        }
        left.ends_with(last)
    }
}

/// A short way to write an entry.
const fn may(line: &'static str, reason: &'static str) -> Permitted {
    Permitted { line, reason }
}

/// The further differences from what istiod pushes by default to an Envoy of Istio's own build, whose filters no other
/// has.
pub const OF_DEFAULTS: &[Permitted] = &[
    may(
        "- *[istio.metadata_exchange]/*",
        "headers that routes add and take off: the same on the wire; nothing for TCP",
    ),
    may("- *[istio.stats]/*", "Istio's metrics, by our logger"),
    may("- *[istio.alpn]/*", "its offer stands in the cluster"),
    may("- /static_resources/clusters[*/alpn_protocols = [istio-peer-exchange, istio]", "what that filter replaces"),
    may("- /static_resources/clusters[*/alpn_protocols = [istio-peer-exchange, istio, h2]", "the same of gRPC"),
    may("+ *[envoy.filters.http.header_to_metadata]/*", "who calls, for our logger"),
    may("+ *access_log*", "Istio's metrics, by our logger"),
    may(
        "- *typed_config/route_config = not in the dump",
        "the dump has no routes; those of the test cluster are compared",
    ),
    may(
        "+ /static_resources/listeners[0.0.0.0_*typed_config/route_config/*",
        "the dump has no routes; those of the test cluster are compared",
    ),
    may("+ */routes[from-the-mesh]/*", "the headers of metadata exchange, for peers that sent theirs"),
    may("+ *request_headers_to_remove*", "the headers of metadata exchange"),
];

/// The differences that are permitted everywhere.
pub const LIST: &[Permitted] = &[
    may("+ /node/*", "who a proxy is; a bootstrap of the dump has it in a form of its own"),
    may("- /admin/access_log*", "admin requests are written to /dev/null there, and to nothing here"),
    may("- /admin/profile_path = *", "where a profile would go if somebody asked for one"),
    may("- /application_log_config/*", "form of Envoy's own log lines"),
    may(
        "+ /stats_config/stats_matcher/*upstream_rq_retry",
        "a counter more for each cluster: else failures that a sidecar hides are seen nowhere",
    ),
    may("- *]/metadata/filter_metadata/istio/services[*", "names for Istio's own filters, which are not here"),
    may("+ *]/metadata/filter_metadata/istio/host = *", "the same names for our statistics' logger"),
    may("+ *]/metadata/filter_metadata/istio/name = *", "the same names for our statistics' logger"),
    may("+ *]/metadata/filter_metadata/istio/namespace = *", "the same names for our statistics' logger"),
    may(
        "- *common_tls_context/alpn_protocols = [istio]",
        "the test cluster's limit: Istio's filter that puts an offer together is off there, and nothing is negotiated",
    ),
    may("- *common_tls_context/alpn_protocols = [istio, h2]", "the same where HTTP/2 is spoken"),
    may(
        "+ *common_tls_context/alpn_protocols = [istio-http/1.1, istio, http/1.1]",
        "what that filter offers for each request stands in the cluster: the same on the wire",
    ),
    may("+ *||istiod*/alpn_protocols = [istio-h2, istio, h2]", "the same of gRPC"),
    may(
        "+ *common_tls_context/alpn_protocols = [istio-peer-exchange, istio]",
        "Istio's default, which the test cluster switches off; nothing is exchanged",
    ),
    may("- *virtualInbound*common_tls_context/alpn_protocols = [h2, http/1.1]", "the same at the called side"),
    may(
        "+ *virtualInbound*common_tls_context/alpn_protocols = [istio-peer-exchange, h2, http/1.1]",
        "the same at the called side",
    ),
    may(
        "+ *[any raw_buffer h2c+http/1.1]*/http_filters[envoy.filters.http.set_filter_state]/*",
        "what that filter offers for each request to an undeclared port: the same on the wire",
    ),
    may(
        "- *[outbound|9080||further-*/peers = []",
        "services of a larger mesh have no pods there, so no account to prove",
    ),
    may("+ *[outbound|9080||further-*/peers[0]/exact = *", "they have pods here: nobody calls them in either place"),
    may(
        "- *[0.0.0.0_8080]*/domains/names = *",
        "the names of a gateway's host are what its VirtualService lists: one there",
    ),
    may(
        "+ *[0.0.0.0_8080]*/domains/names = *",
        "all names of a service: a client asks for what it asks for without a gateway",
    ),
    may(
        "- *]/routes[*]/metadata/filter_metadata/istio/config = *",
        "which object of the cluster a route is made of: nobody reads it",
    ),
];
