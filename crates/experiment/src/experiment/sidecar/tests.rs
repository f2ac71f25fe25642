use std::path::Path;

use plane::{Mtls, Plane, Preset, Side, Sidecar, TlsVersion, Tracing};

use crate::tests::parse;

/// The sidecar of an arm with these keys, or the refusal without its place.
fn read(keys: &str) -> Result<Sidecar, String> {
    let text = format!(
        "name: x\ntopology: pair\narms:\n  a: {{{keys}}}\nload: {{sequential: {{target: 'http://front:8080/', requests: 15}}}}\n"
    );
    match parse(Path::new("x.yaml"), text) {
        Ok(experiment) => match &experiment.arms[0].plane {
            Plane::Sidecar(sidecar) => Ok(sidecar.clone()),
            _ => panic!("no sidecar: {keys}"),
        },
        Err(failure) => {
            let said = failure.to_string();
            Err(said.lines().next().unwrap_or_default().rsplit(": ").next().unwrap_or_default().to_owned())
        }
    }
}

#[test]
fn every_key_sets_its_option() {
    let default = Sidecar::default();
    for (key, expect) in [
        ("mtls: permissive", Sidecar { mtls: Mtls::Permissive, ..default.clone() }),
        ("mtls: off", Sidecar { mtls: Mtls::Off, ..default.clone() }),
        ("tls: 1.2", Sidecar { tls: TlsVersion::V1_2, ..default.clone() }),
        ("tls: '1.3'", default.clone()),
        ("metadata: off", Sidecar { metadata: false, ..default.clone() }),
        ("tracing: off", default.clone()),
        ("tracing: b3, sampling: 5%", Sidecar { tracing: Tracing::B3, sampling: 0.05, ..default.clone() }),
        ("tracing: traceparent", Sidecar { tracing: Tracing::Traceparent, ..default.clone() }),
        ("access_log: on", Sidecar { access_log: true, ..default.clone() }),
        ("retries: 0", Sidecar { retries: 0, ..default.clone() }),
        ("authz: 10", Sidecar { authz: 10, ..default.clone() }),
        ("side: server", Sidecar { side: Side::Server, mtls: Mtls::Permissive, ..default.clone() }),
        ("side: client, mtls: off", Sidecar { side: Side::Client, mtls: Mtls::Off, ..default.clone() }),
        ("mesh_size: 100", Sidecar { mesh_size: 100, ..default.clone() }),
        ("preset: today", Sidecar { mtls: Mtls::Permissive, ..default.clone() }),
    ] {
        assert_eq!(read(&format!("plane: sidecar, {key}")), Ok(expect), "{key}");
    }
}

#[test]
fn keys_beside_a_preset_win() {
    let of_1_9 = Sidecar::of(Preset::Istio19Demo);
    assert_eq!(read("plane: sidecar, preset: istio-1.9-demo"), Ok(of_1_9.clone()));
    let expect = Sidecar { mtls: Mtls::Strict, tls: TlsVersion::V1_3, sampling: 0.5, access_log: false, ..of_1_9 };
    let keys = "preset: istio-1.9-demo, mtls: strict, tls: 1.3, sampling: 50%, access_log: off";
    assert_eq!(read(&format!("plane: sidecar, {keys}")), Ok(expect));
}

#[test]
fn contradictions_are_refused() {
    for (keys, what) in [
        ("plane: none, mtls: off", "`mtls` is an option of sidecars"),
        ("plane: none, mesh_size: 10", "`mesh_size` is an option of sidecars"),
        ("plane: sidecar, side: server, mtls: strict", "strict mutual TLS needs sidecars at both ends of each hop"),
        ("plane: sidecar, side: client, tls: 1.2", "there is no TLS between these sidecars"),
        ("plane: sidecar, mtls: off, tls: 1.3", "there is no TLS between these sidecars"),
        ("plane: sidecar, sampling: 1%", "`sampling` needs `tracing`, which is off"),
        ("plane: sidecar, authz: 10001", "rules must be 0 to 10000 (default 0), got 10001"),
    ] {
        assert_eq!(read(keys), Err(what.to_owned()), "{keys}");
    }
}
