//! The table of keys: one row per key of an arm, in the order in which refusals list them.

use plane::{Mtls, Preset, Side, Sidecar, TlsVersion, Tracing};

use super::{Bearer, Choice, Key, KeyNeed, Number, Own, Values};

const SWITCH: &[(&str, bool)] = &[("on", true), ("true", true), ("false", false), ("off", false)];

/// Every key of an arm.
pub const KEYS: &[Key] = &[
    Key {
        name: "plane",
        values: Values::Own(Own {
            schema: r##""anyOf": [{ "enum": ["none", "sidecar"] }, { "$ref": "#/$defs/proxy" }]"##,
            default: None,
        }),
        bearer: Bearer::Arm,
        need: None,
        base: None,
        about: "What stands between services: nothing, Envoy as Istio's sidecar, or any program.",
        istio: Some("label `sidecar.istio.io/inject` of a pod, `istio-injection` of a namespace"),
    },
    Key {
        name: "gateway",
        values: Values::Own(Own { schema: r#""enum": ["none", "ingress"]"#, default: Some(r#""none""#) }),
        bearer: Bearer::Arm,
        need: None,
        base: None,
        about: "An ingress gateway in front of the services. The client then stands outside the mesh and sends its \
                requests to the gateway. It has the sidecars' options, or its own if there are no sidecars.",
        istio: Some("`Gateway.spec.servers`, `VirtualService.spec.gateways`"),
    },
    Key {
        name: "telemetry",
        values: Values::Word(&Choice { words: SWITCH, of: |sidecar| &mut sidecar.telemetry }),
        bearer: Bearer::Envoy,
        need: None,
        base: None,
        about: "Istio's standard metrics.",
        istio: Some("`Telemetry.spec.metrics`, `MeshConfig.defaultProviders.metrics`"),
    },
    Key {
        name: "concurrency",
        values: Values::Number(Number {
            things: "worker threads",
            least: 1,
            most: 64,
            of: |sidecar| &mut sidecar.concurrency,
        }),
        bearer: Bearer::Envoy,
        need: None,
        base: None,
        about: "Worker threads of each Envoy.",
        istio: Some("`ProxyConfig.spec.concurrency`, annotation `proxy.istio.io/config`"),
    },
    Key {
        name: "preset",
        values: Values::Word(&Choice {
            words: &[
                ("istio-1.6-default", Preset::Istio16Default),
                ("istio-1.9-demo", Preset::Istio19Demo),
                ("today", Preset::Today),
            ],
            of: |sidecar| &mut sidecar.preset,
        }),
        bearer: Bearer::Envoy,
        need: None,
        base: Some(|sidecar| *sidecar = Sidecar::of(sidecar.preset)),
        about: "A release and profile of Istio: its defaults for options that are not written, and its traits that \
                have no option.",
        istio: Some("`IstioOperator.spec.profile` of that release"),
    },
    Key {
        name: "mtls",
        values: Values::Word(&Choice {
            words: &[
                ("strict", Mtls::Strict),
                ("permissive", Mtls::Permissive),
                ("false", Mtls::Off),
                ("off", Mtls::Off),
            ],
            of: |sidecar| &mut sidecar.mtls,
        }),
        bearer: Bearer::Sidecar,
        need: Some(KeyNeed {
            rule: "`strict` needs `side: both`.",
            holds: |sidecar| sidecar.mtls != Mtls::Strict || sidecar.side == Side::Both,
            what: "strict mutual TLS needs sidecars at both ends of each hop",
            hint: "leave `mtls` out, or write `permissive` or `off`",
        }),
        base: None,
        about: "Whether a sidecar accepts only callers with a certificate of the mesh, also plaintext, or only \
                plaintext. Istio's own default is permissive.",
        istio: Some("`PeerAuthentication.spec.mtls.mode`"),
    },
    Key {
        name: "tls",
        values: Values::Word(&Choice {
            words: &[("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)],
            of: |sidecar| &mut sidecar.tls,
        }),
        bearer: Bearer::Sidecar,
        need: Some(KeyNeed {
            rule: "Needs `side: both`, and `mtls` must not be `off`.",
            holds: Sidecar::is_mutual,
            what: "there is no TLS between these sidecars",
            hint: "leave `tls` out, or use `mtls: strict` and `side: both`",
        }),
        base: None,
        about: "The newest TLS version that callers offer.",
        istio: None,
    },
    Key {
        name: "metadata",
        values: Values::Word(&Choice { words: SWITCH, of: |sidecar| &mut sidecar.metadata }),
        bearer: Bearer::Envoy,
        need: None,
        base: None,
        about: "Peer metadata: two headers about the workload in each request and response between sidecars.",
        istio: Some("`PILOT_ENABLE_METADATA_EXCHANGE` in istiod's environment"),
    },
    Key {
        name: "tracing",
        values: Values::Word(&Choice {
            words: &[
                ("false", Tracing::Off),
                ("off", Tracing::Off),
                ("b3", Tracing::B3),
                ("traceparent", Tracing::Traceparent),
            ],
            of: |sidecar| &mut sidecar.tracing,
        }),
        bearer: Bearer::Envoy,
        need: None,
        base: None,
        about: "Trace headers. Spans go to a service `zipkin` or `otel-collector` of the topology, or are dropped.",
        istio: Some("`Telemetry.spec.tracing.providers`"),
    },
    Key {
        name: "sampling",
        values: Values::Share(|sidecar| &mut sidecar.sampling),
        bearer: Bearer::Envoy,
        need: Some(KeyNeed {
            rule: "Needs `tracing: b3` or `tracing: traceparent`.",
            holds: |sidecar| sidecar.tracing != Tracing::Off,
            what: "`sampling` needs `tracing`, which is off",
            hint: "add `tracing: b3` or `tracing: traceparent`",
        }),
        base: None,
        about: "Share of the requests whose spans are recorded.",
        istio: Some("`Telemetry.spec.tracing.randomSamplingPercentage`"),
    },
    Key {
        name: "access_log",
        values: Values::Word(&Choice { words: SWITCH, of: |sidecar| &mut sidecar.access_log }),
        bearer: Bearer::Envoy,
        need: None,
        base: None,
        about: "A line for each request and connection in the sidecar's log, in Istio's format.",
        istio: Some("`Telemetry.spec.accessLogging`"),
    },
    Key {
        name: "retries",
        values: Values::Number(Number { things: "retries", least: 0, most: 100, of: |sidecar| &mut sidecar.retries }),
        bearer: Bearer::Envoy,
        need: None,
        base: None,
        about: "How often the caller's sidecar retries a failed request.",
        istio: Some("`VirtualService.spec.http.retries.attempts`"),
    },
    Key {
        name: "authz",
        values: Values::Number(Number { things: "rules", least: 0, most: 10_000, of: |sidecar| &mut sidecar.authz }),
        bearer: Bearer::Sidecar,
        need: None,
        base: None,
        about: "Number of authorization rules that match no caller and are checked for each request, before one that \
                allows it; 0 checks none.",
        istio: Some("`AuthorizationPolicy.spec.rules`"),
    },
    Key {
        name: "side",
        values: Values::Word(&Choice {
            words: &[("both", Side::Both), ("server", Side::Server), ("client", Side::Client)],
            of: |sidecar| &mut sidecar.side,
        }),
        bearer: Bearer::Sidecar,
        need: None,
        base: Some(|sidecar| {
            if sidecar.side != Side::Both {
                sidecar.mtls = Mtls::Permissive;
            }
        }),
        about: "The ends of a hop that have a sidecar. With a sidecar at one end only, the hop is plaintext.",
        istio: Some(
            "label `sidecar.istio.io/inject`, annotations `traffic.sidecar.istio.io/includeInboundPorts` and \
             `traffic.sidecar.istio.io/includeOutboundIPRanges`",
        ),
    },
    Key {
        name: "mesh_size",
        values: Values::Number(Number {
            things: "services",
            least: 0,
            most: 10_000,
            of: |sidecar| &mut sidecar.mesh_size,
        }),
        bearer: Bearer::Envoy,
        need: None,
        base: None,
        about: "Number of further services of the mesh for which every sidecar has clusters and routes.",
        istio: Some("`Sidecar.spec.egress.hosts`"),
    },
    Key {
        name: "probe_period",
        values: Values::Own(Own { schema: r##""$ref": "#/$defs/period""##, default: Some(r#""15s""#) }),
        bearer: Bearer::Envoy,
        need: None,
        base: None,
        about: "Period of each sidecar's readiness probe, or off. Istio has 15s since 1.20, and 2s before.",
        istio: Some("annotation `readiness.status.sidecar.istio.io/periodSeconds`"),
    },
    Key {
        name: "app_probe_period",
        values: Values::Own(Own { schema: r##""$ref": "#/$defs/period""##, default: Some(r#""off""#) }),
        bearer: Bearer::Arm,
        need: None,
        base: None,
        about: "Period of the readiness probe of each application whose service has a ready path, through the \
                sidecar's agent if there is one. Kubernetes's default is 10s.",
        istio: Some(
            "`readinessProbe.periodSeconds` of a container, annotation `sidecar.istio.io/rewriteAppHTTPProbers`",
        ),
    },
    Key {
        name: "limits",
        values: Values::Own(Own {
            schema: r##""$ref": "#/$defs/limits""##,
            default: Some(r#"{ "cpu": 2, "memory": "1 GiB" }"#),
        }),
        bearer: Bearer::Proxy,
        need: None,
        base: None,
        about: "Limits of each proxy together with its agent, as in Kubernetes. If this is not written and the \
                preset is `today`, they are Istio's: cpu 2 and memory 1 GiB. `{}` sets no limits.",
        istio: Some("annotations `sidecar.istio.io/proxyCPULimit` and `sidecar.istio.io/proxyMemoryLimit`"),
    },
    Key {
        name: "watch",
        values: Values::Own(Own {
            schema: r#""enum": ["on", "off", "all", "true", "false", true, false]"#,
            default: Some(r#""off""#),
        }),
        bearer: Bearer::Arm,
        need: None,
        base: None,
        about: "Attach the kernel witness during this arm's blocks: the TCP programs, or with `all` also those of \
                drops, UDP and DNS. The last two run for every packet.",
        istio: None,
    },
    Key {
        name: "add",
        values: Values::Own(Own { schema: r##""$ref": "#/$defs/addition""##, default: None }),
        bearer: Bearer::Arm,
        need: None,
        base: None,
        about: "A known cost that is added to an endpoint in this arm, for calibration.",
        istio: None,
    },
];
