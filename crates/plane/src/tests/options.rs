//! The lines that each option changes in the configuration, as in the run folder, and no others.

use super::{HTTP, TCP, write};
use crate::{Mtls, Preset, Side, Sidecar, TlsVersion, Tracing, arguments, difference, redirect};

/// Options without metrics, whose labels have tests of their own.
fn base() -> Sidecar {
    Sidecar { telemetry: false, ..Sidecar::default() }
}

/// Checks the difference from the default, under the option's name.
fn check(name: &str, options: &Sidecar) {
    insta::with_settings!({snapshot_suffix => name.to_owned(), omit_expression => true}, {
        insta::assert_snapshot!("option", changes(&base(), options));
    });
}

/// Rules, command line and bootstrap, as lines.
fn files(options: &Sidecar) -> [String; 3] {
    let bootstrap = format!("{:#}\n", write(&[HTTP, TCP], options));
    [redirect(options), arguments(options, "bootstrap.json").join("\n") + "\n", bootstrap]
}

fn changes(from: &Sidecar, to: &Sidecar) -> String {
    let names = ["redirect.nft", "command.txt", "bootstrap.json"];
    let pairs = names.into_iter().zip(files(from).into_iter().zip(files(to)));
    pairs.map(|(name, (old, new))| difference((name, &old), (name, &new))).collect()
}

#[test]
fn mtls() {
    check("mtls-permissive", &Sidecar { mtls: Mtls::Permissive, ..base() });
    check("mtls-off", &Sidecar { mtls: Mtls::Off, ..base() });
}

#[test]
fn tls() {
    check("tls-1-2", &Sidecar { tls: TlsVersion::V1_2, ..base() });
}

#[test]
fn metadata() {
    check("metadata-off", &Sidecar { metadata: false, ..base() });
}

#[test]
fn tracing() {
    check("tracing-b3", &Sidecar { tracing: Tracing::B3, sampling: 0.5, ..base() });
    check("tracing-traceparent", &Sidecar { tracing: Tracing::Traceparent, ..base() });
}

#[test]
fn access_log() {
    check("access-log", &Sidecar { access_log: true, ..base() });
}

#[test]
fn retries() {
    check("retries-0", &Sidecar { retries: 0, ..base() });
    check("retries-5", &Sidecar { retries: 5, ..base() });
}

#[test]
fn authz() {
    check("authz-2", &Sidecar { authz: 2, ..base() });
}

#[test]
fn concurrency() {
    check("concurrency-4", &Sidecar { concurrency: 4, ..base() });
}

#[test]
fn side() {
    check("side-server", &Sidecar { side: Side::Server, mtls: Mtls::Permissive, ..base() });
    check("side-client", &Sidecar { side: Side::Client, mtls: Mtls::Permissive, ..base() });
}

#[test]
fn mesh_size() {
    check("mesh-size-1", &Sidecar { mesh_size: 1, ..base() });
}

/// Metadata, tracers and logs are left out, because the options above have them.
#[test]
fn presets() {
    let plain = |preset| Sidecar {
        telemetry: false,
        metadata: false,
        tracing: Tracing::Off,
        access_log: false,
        ..Sidecar::of(preset)
    };
    check("preset-istio-1-9", &Sidecar { sampling: 0.01, metadata: true, ..plain(Preset::Istio19Demo) });
    assert_eq!(Sidecar::of(Preset::Today), Sidecar { mtls: Mtls::Permissive, ..Sidecar::default() });
    let [of_1_6, of_1_9] = [Preset::Istio16Default, Preset::Istio19Demo].map(plain);
    assert_eq!(changes(&of_1_6, &Sidecar { sampling: of_1_6.sampling, ..of_1_9 }), "");
}
