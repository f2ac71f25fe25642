use crate::cluster::INBOUND_SOURCE;
use crate::port::HBONE_PORT;
use crate::sidecar::PROXY_UID;
use crate::{AGENT_PORT, INBOUND_PORT, OUTBOUND_PORT, PROMETHEUS_PORT, READINESS_PORT};

/// Rules for a pod's network namespace, as text for `nft -f -`: what `istio-init` does with iptables, in its chains and
/// its order (REDIRECT mode, IPv4, no DNS capture, nothing excluded). They go with the namespace.
pub fn redirect() -> String {
    format!(
        r#"table ip meshtax_redirect {{
	chain PREROUTING {{
		type nat hook prerouting priority dstnat; policy accept;
		meta l4proto tcp jump ISTIO_INBOUND
	}}

	chain OUTPUT {{
		type nat hook output priority -100; policy accept;
		jump ISTIO_OUTPUT
	}}

	# What reaches the pod goes to the proxy, except what the proxy itself serves.
	chain ISTIO_INBOUND {{
		tcp dport {HBONE_PORT} return
		tcp dport {PROMETHEUS_PORT} return
		tcp dport {READINESS_PORT} return
		tcp dport {AGENT_PORT} return
		meta l4proto tcp jump ISTIO_IN_REDIRECT
	}}

	# What leaves a process of the pod. The order decides.
	chain ISTIO_OUTPUT {{
		# The proxy's inbound side to the application.
		oifname "lo" ip saddr {INBOUND_SOURCE} return

		# By user: the proxy back to its own pod, because the application called itself by its service's address;
		# the application to its own pod; whatever else the proxy dials, which would loop.
		oifname "lo" ip daddr != 127.0.0.1 tcp dport != {HBONE_PORT} meta skuid {PROXY_UID} jump ISTIO_IN_REDIRECT
		oifname "lo" meta skuid != {PROXY_UID} return
		meta skuid {PROXY_UID} return

		# The same by group.
		oifname "lo" ip daddr != 127.0.0.1 tcp dport != {HBONE_PORT} meta skgid {PROXY_UID} jump ISTIO_IN_REDIRECT
		oifname "lo" meta skgid != {PROXY_UID} return
		meta skgid {PROXY_UID} return

		# Loopback.
		ip daddr 127.0.0.1 return

		# The rest is the application calling somebody.
		jump ISTIO_REDIRECT
	}}

	# Keeps the destination's address: the pod's own.
	chain ISTIO_IN_REDIRECT {{
		meta l4proto tcp redirect to :{INBOUND_PORT}
	}}

	# Rewrites the destination's address to 127.0.0.1.
	chain ISTIO_REDIRECT {{
		meta l4proto tcp redirect to :{OUTBOUND_PORT}
	}}
}}
"#
    )
}
