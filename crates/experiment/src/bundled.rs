//! Topologies, experiments and their templates that are part of the binary, under their names in the repository.

const FILES: &[(&str, &str)] = &[
    ("experiments/bookinfo-lean.yaml", include_str!("../../../experiments/bookinfo-lean.yaml")),
    (
        "experiments/bookinfo-sequential-correct.yaml",
        include_str!("../../../experiments/bookinfo-sequential-correct.yaml"),
    ),
    ("experiments/bookinfo-sequential.yaml", include_str!("../../../experiments/bookinfo-sequential.yaml")),
    ("experiments/calibrate.yaml", include_str!("../../../experiments/calibrate.yaml")),
    ("experiments/demo.yaml", include_str!("../../../experiments/demo.yaml")),
    ("experiments/faults.yaml", include_str!("../../../experiments/faults.yaml")),
    ("experiments/fidelity.yaml", include_str!("../../../experiments/fidelity.yaml")),
    ("experiments/four-arms.yaml", include_str!("../../../experiments/four-arms.yaml")),
    ("experiments/one-hop.yaml", include_str!("../../../experiments/one-hop.yaml")),
    ("experiments/options.yaml", include_str!("../../../experiments/options.yaml")),
    ("experiments/pair.yaml", include_str!("../../../experiments/pair.yaml")),
    ("experiments/proxies.yaml", include_str!("../../../experiments/proxies.yaml")),
    ("experiments/proxies/haproxy.cfg", include_str!("../../../experiments/proxies/haproxy.cfg")),
    ("experiments/proxies/nginx.conf", include_str!("../../../experiments/proxies/nginx.conf")),
    ("experiments/simple-sequential-correct.yaml", include_str!("../../../experiments/simple-sequential-correct.yaml")),
    ("experiments/simple-sequential.yaml", include_str!("../../../experiments/simple-sequential.yaml")),
    ("topologies/bookinfo-lean.yaml", include_str!("../../../topologies/bookinfo-lean.yaml")),
    ("topologies/bookinfo.yaml", include_str!("../../../topologies/bookinfo.yaml")),
    ("topologies/calibrate.yaml", include_str!("../../../topologies/calibrate.yaml")),
    ("topologies/faults.yaml", include_str!("../../../topologies/faults.yaml")),
    ("topologies/one-hop.yaml", include_str!("../../../topologies/one-hop.yaml")),
    ("topologies/pair.yaml", include_str!("../../../topologies/pair.yaml")),
    ("topologies/simple.yaml", include_str!("../../../topologies/simple.yaml")),
];

/// The bundled file of that name, if there is one.
pub fn file(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Names of all bundled files.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}
