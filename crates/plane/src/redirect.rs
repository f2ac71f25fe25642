use crate::cluster::INBOUND_SOURCE;
use crate::port::HBONE_PORT;
use crate::sidecar::PROXY_UID;
use crate::{
    AGENT_PORT, INBOUND_PORT, OUTBOUND_PORT, PROMETHEUS_PORT, READINESS_PORT, Side, Sidecar,
};

/// Rules for a pod's network namespace, as text for `nft -f -`: what `istio-init` does with iptables, in its chains and
/// its order (REDIRECT mode, IPv4, no DNS capture, nothing excluded). They go with the namespace.
///
/// Where sidecars stand at one end of a hop only, the other direction has no chain.
pub fn redirect(options: &Sidecar) -> String {
    let (reaching, leaving) = (options.side != Side::Client, options.side != Side::Server);
    let chains = [
        (reaching, prerouting()),
        (leaving, output()),
        (reaching, inbound(options)),
        (leaving, outbound(options)),
        (reaching, to_inbound()),
        (leaving, to_outbound()),
    ];
    let chains: Vec<String> = chains.into_iter().filter(|(wanted, _)| *wanted).map(|(_, chain)| chain).collect();
    format!("table ip meshtax_redirect {{\n{}}}\n", chains.join("\n"))
}

fn prerouting() -> String {
    "\tchain PREROUTING {
		type nat hook prerouting priority dstnat; policy accept;
		meta l4proto tcp jump ISTIO_INBOUND
	}
"
    .to_owned()
}

fn output() -> String {
    "\tchain OUTPUT {
		type nat hook output priority -100; policy accept;
		jump ISTIO_OUTPUT
	}
"
    .to_owned()
}

fn inbound(options: &Sidecar) -> String {
    let ssh = if options.preset.is_before_1_10() { "\t\ttcp dport 22 return\n" } else { "" };
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

fn outbound(options: &Sidecar) -> String {
    let to_itself = |owner| if options.side == Side::Both { to_itself(owner) } else { String::new() };
    let (user, group) = (to_itself("skuid"), to_itself("skgid"));
    format!(
        r#"	# What leaves a process of the pod. The order decides.
	chain ISTIO_OUTPUT {{
		# The proxy's inbound side to the application.
		oifname "lo" ip saddr {INBOUND_SOURCE} return

		# By user: the proxy back to its own pod, because the application called itself by its service's address;
		# the application to its own pod; whatever else the proxy dials, which would loop.
{user}		oifname "lo" meta skuid != {PROXY_UID} return
		meta skuid {PROXY_UID} return

		# The same by group.
{group}		oifname "lo" meta skgid != {PROXY_UID} return
		meta skgid {PROXY_UID} return

		# Loopback.
		ip daddr 127.0.0.1 return

		# The rest is the application calling somebody.
		jump ISTIO_REDIRECT
	}}
"#
    )
}

/// The rule for the proxy back to its own pod, by its user or its group.
fn to_itself(owner: &str) -> String {
    format!(
        "\t\toifname \"lo\" ip daddr != 127.0.0.1 tcp dport != {HBONE_PORT} meta {owner} {PROXY_UID} jump \
         ISTIO_IN_REDIRECT\n"
    )
}

fn to_inbound() -> String {
    format!(
        "\t# Keeps the destination's address: the pod's own.
	chain ISTIO_IN_REDIRECT {{
		meta l4proto tcp redirect to :{INBOUND_PORT}
	}}
"
    )
}

fn to_outbound() -> String {
    format!(
        "\t# Rewrites the destination's address to 127.0.0.1.
	chain ISTIO_REDIRECT {{
		meta l4proto tcp redirect to :{OUTBOUND_PORT}
	}}
"
    )
}
