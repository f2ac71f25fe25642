use crate::cluster::INBOUND_SOURCE;
use crate::port::HBONE_PORT;
use crate::sidecar::PROXY_UID;
use crate::{AGENT_PORT, INBOUND_PORT, OUTBOUND_PORT, PROMETHEUS_PORT, READINESS_PORT, Side, Sidecar};

/// Rules for a pod's network namespace, as text for `nft -f -`. They do what `istio-init` does with iptables, in its
/// chains and its order (REDIRECT mode, IPv4, no DNS capture, nothing excluded). They are removed with the namespace.
///
/// If sidecars stand at one end of a hop only, the other direction has no chain.
pub fn redirect(options: &Sidecar) -> String {
    let inbound = (options.side != Side::Client).then_some(INBOUND_PORT);
    let outbound = (options.side != Side::Server).then_some(OUTBOUND_PORT);
    rules(inbound, outbound, options.preset.is_before_1_10())
}

/// The same rules with other ports: connections to the pod go to `inbound`, those of the application to `outbound`. A
/// direction without a port is not redirected.
pub(crate) fn redirect_to(inbound: Option<u16>, outbound: Option<u16>) -> String {
    rules(inbound, outbound, false)
}

fn rules(inbound: Option<u16>, outbound: Option<u16>, spares_ssh: bool) -> String {
    let chains = [
        inbound.map(|_| PREROUTING.to_owned()),
        outbound.map(|_| OUTPUT.to_owned()),
        inbound.map(|_| what_reaches_the_pod(spares_ssh)),
        outbound.map(|_| what_leaves_a_process(inbound.is_some())),
        inbound.map(to_inbound),
        outbound.map(to_outbound),
    ];
    let chains: Vec<String> = chains.into_iter().flatten().collect();
    format!("table ip meshtax_redirect {{\n{}}}\n", chains.join("\n"))
}

const PREROUTING: &str = "\tchain PREROUTING {
		type nat hook prerouting priority dstnat; policy accept;
		meta l4proto tcp jump ISTIO_INBOUND
	}
";

const OUTPUT: &str = "\tchain OUTPUT {
		type nat hook output priority -100; policy accept;
		jump ISTIO_OUTPUT
	}
";

fn what_reaches_the_pod(spares_ssh: bool) -> String {
    let ssh = if spares_ssh { "\t\ttcp dport 22 return\n" } else { "" };
    format!(
        "\t# What reaches the pod goes to the proxy, except what the proxy itself serves.
	chain ISTIO_INBOUND {{
		tcp dport {HBONE_PORT} return
{ssh}		tcp dport {PROMETHEUS_PORT} return
		tcp dport {READINESS_PORT} return
		tcp dport {AGENT_PORT} return
		meta l4proto tcp jump ISTIO_IN_REDIRECT
	}}
"
    )
}

fn what_leaves_a_process(back_in: bool) -> String {
    format!(
        "\t# What leaves a process of the pod. The order decides.
	chain ISTIO_OUTPUT {{
		# The proxy's inbound side to the application.
		oifname \"lo\" ip saddr {INBOUND_SOURCE} return

		# By user: the proxy back to its own pod, because the application called itself by its service's address;
		# the application to its own pod; whatever else the proxy dials, which would loop.
{}
		# The same by group.
{}
		# Loopback.
		ip daddr 127.0.0.1 return

		# The rest is the application calling somebody.
		jump ISTIO_REDIRECT
	}}
",
        by_owner("skuid", back_in),
        by_owner("skgid", back_in)
    )
}

fn by_owner(owner: &str, back_in: bool) -> String {
    let back = format!(
        "\t\toifname \"lo\" ip daddr != 127.0.0.1 tcp dport != {HBONE_PORT} meta {owner} {PROXY_UID} jump ISTIO_IN_REDIRECT\n"
    );
    let rest = format!("\t\toifname \"lo\" meta {owner} != {PROXY_UID} return\n\t\tmeta {owner} {PROXY_UID} return\n");
    if back_in { back + &rest } else { rest }
}

fn to_inbound(port: u16) -> String {
    format!(
        "\t# Keeps the destination's address: the pod's own.
	chain ISTIO_IN_REDIRECT {{
		meta l4proto tcp redirect to :{port}
	}}
"
    )
}

fn to_outbound(port: u16) -> String {
    format!(
        "\t# Rewrites the destination's address to 127.0.0.1.
	chain ISTIO_REDIRECT {{
		meta l4proto tcp redirect to :{port}
	}}
"
    )
}
