//! The table: a row for each key of an arm, in the order in which refusals list them.

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
        about: "An ingress gateway before the services: the client, outside the mesh then, asks it instead of them. It \
                has the sidecars' options, or its own where there are none.",
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
        about: "A release and profile of Istio: its defaults for the options that are not written, and its traits that \
                no option names.",
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
            rule: "`strict` only beside `side: both`.",
            holds: |sidecar| sidecar.mtls != Mtls::Strict || sidecar.side == Side::Both,
            what: "with sidecars at one end of each hop nobody can show a certificate to the other",
            hint: "leave `mtls` out, or write `permissive` or `off`",
        }),
        base: None,
        about: "Whether a sidecar takes only callers with a certificate of the mesh, plaintext too, or plaintext only. \
                Istio's own default is permissive.",
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
            rule: "Only beside `side: both`, and not beside `mtls: off`.",
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
        about: "Peer metadata: two headers about the workload in each request and answer between sidecars.",
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
        about: "Headers of traces; spans go to a service `zipkin` or `otel-collector` of the topology, or are dropped.",
        istio: Some("`Telemetry.spec.tracing.providers`"),
    },
    Key {
        name: "sampling",
        values: Values::Share(|sidecar| &mut sidecar.sampling),
        bearer: Bearer::Envoy,
        need: Some(KeyNeed {
            rule: "Only beside `tracing: b3` or `tracing: traceparent`.",
            holds: |sidecar| sidecar.tracing != Tracing::Off,
            what: "nothing is traced, so nothing is sampled",
            hint: "write `tracing: b3` or `tracing: traceparent` beside it",
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
        about: "A line about each request and connection in Istio's format, to the sidecar's log.",
        istio: Some("`Telemetry.spec.accessLogging`"),
    },
    Key {
        name: "retries",
        values: Values::Number(Number { things: "retries", least: 0, most: 100, of: |sidecar| &mut sidecar.retries }),
        bearer: Bearer::Envoy,
        need: None,
        base: None,
        about: "Attempts of the caller's sidecar after the first failed one.",
        istio: Some("`VirtualService.spec.http.retries.attempts`"),
    },
    Key {
        name: "authz",
        values: Values::Number(Number { things: "rules", least: 0, most: 10_000, of: |sidecar| &mut sidecar.authz }),
        bearer: Bearer::Sidecar,
        need: None,
        base: None,
        about: "Authorization rules that match nobody and are asked of each request before one that lets it pass; 0 asks \
                none.",
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
        about: "At which end of a hop a sidecar stands: at one end only, the hop is plaintext.",
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
        about: "Further services of the mesh that every sidecar has clusters and routes of.",
        istio: Some("`Sidecar.spec.egress.hosts`"),
    },
    Key {
        name: "probe_period",
        values: Values::Own(Own { schema: r##""$ref": "#/$defs/period""##, default: Some(r#""15s""#) }),
        bearer: Bearer::Envoy,
        need: None,
        base: None,
        about: "How often each sidecar is asked whether it is ready, or off: 15s in Istio since 1.20, 2s before.",
        istio: Some("annotation `readiness.status.sidecar.istio.io/periodSeconds`"),
    },
    Key {
        name: "app_probe_period",
        values: Values::Own(Own { schema: r##""$ref": "#/$defs/period""##, default: Some(r#""off""#) }),
        bearer: Bearer::Arm,
        need: None,
        base: None,
        about: "How often each application whose service names a ready path is asked for it, through the sidecar's agent \
                where there is one; 10s is Kubernetes's default.",
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
        about: "Most that each proxy may use, its agent included, as Kubernetes's limits. Istio's default, cpu 2 and memory \
                1 GiB, unless written, where the preset is `today`; `{}` is no limits.",
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
        about: "Attach the kernel witness of TCP during this arm's blocks; `all`: those of drops, UDP and DNS as well, of \
                which the last two look at every packet.",
        istio: None,
    },
    Key {
        name: "add",
        values: Values::Own(Own { schema: r##""$ref": "#/$defs/addition""##, default: None }),
        bearer: Bearer::Arm,
        need: None,
        base: None,
        about: "A known cost that an endpoint has in this arm, for calibration.",
        istio: None,
    },
];
