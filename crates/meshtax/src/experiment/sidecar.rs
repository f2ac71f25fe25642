use std::ops::RangeInclusive;

use plane::{Mtls, Side, Sidecar, Tracing};
use serde_saphyr::{Location, Spanned};
use topology::Fault;

use super::file::{ArmFile, Switch};

/// The options of sidecars that stand in an arm's file, with their places.
pub fn written(arm: &ArmFile) -> impl Iterator<Item = (&'static str, Location)> {
    [
        ("telemetry", place(&arm.telemetry)),
        ("concurrency", place(&arm.concurrency)),
        ("preset", place(&arm.preset)),
        ("mtls", place(&arm.mtls)),
        ("tls", place(&arm.tls)),
        ("metadata", place(&arm.metadata)),
        ("tracing", place(&arm.tracing)),
        ("sampling", place(&arm.sampling)),
        ("access_log", place(&arm.access_log)),
        ("retries", place(&arm.retries)),
        ("authz", place(&arm.authz)),
        ("side", place(&arm.side)),
        ("mesh_size", place(&arm.mesh_size)),
    ]
    .into_iter()
    .filter_map(|(name, place)| Some((name, place?)))
}

/// The options of an arm's sidecars: what is written, then the preset's, then the defaults.
pub fn sidecar_of(arm: &ArmFile) -> Result<Sidecar, Fault> {
    let side = arm.side.as_ref().map_or(Side::Both, |side| side.value);
    let base = arm.preset.as_ref().map_or_else(Sidecar::default, |preset| Sidecar::of(preset.value));
    let mtls = if side == Side::Both { base.mtls } else { Mtls::Permissive };
    let sidecar = Sidecar {
        telemetry: switched(&arm.telemetry, base.telemetry),
        concurrency: number("concurrency", &arm.concurrency, 1..=64, base.concurrency)?,
        mtls: arm.mtls.as_ref().map_or(mtls, |mtls| mtls.value),
        tls: arm.tls.as_ref().map_or(base.tls, |tls| tls.value),
        metadata: switched(&arm.metadata, base.metadata),
        tracing: arm.tracing.as_ref().map_or(base.tracing, |tracing| tracing.value),
        sampling: arm.sampling.as_ref().map_or(base.sampling, |sampling| sampling.value.0),
        access_log: switched(&arm.access_log, base.access_log),
        retries: number("retries", &arm.retries, 0..=100, base.retries)?,
        authz: number("authz", &arm.authz, 0..=10_000, base.authz)?,
        side,
        mesh_size: number("mesh_size", &arm.mesh_size, 0..=10_000, base.mesh_size)?,
        preset: base.preset,
    };
    contradiction(arm, &sidecar).map_or(Ok(sidecar), Err)
}

/// Options that mean nothing beside each other.
fn contradiction(arm: &ArmFile, sidecar: &Sidecar) -> Option<Fault> {
    if let Some(mtls) = arm.mtls.as_ref().filter(|mtls| mtls.value == Mtls::Strict && sidecar.side != Side::Both) {
        let what = "with sidecars at one end of each hop nobody can show a certificate to the other";
        return Some(Fault::at(mtls.referenced, what, "leave `mtls` out, or write `permissive` or `off`"));
    }
    if let Some(tls) = arm.tls.as_ref().filter(|_| !sidecar.is_mutual()) {
        let what = "there is no TLS between these sidecars";
        return Some(Fault::at(tls.referenced, what, "leave `tls` out, or use `mtls: strict` and `side: both`"));
    }
    if let Some(sampling) = arm.sampling.as_ref().filter(|_| sidecar.tracing == Tracing::Off) {
        let what = "nothing is traced, so nothing is sampled";
        return Some(Fault::at(sampling.referenced, what, "write `tracing: b3` or `tracing: traceparent` beside it"));
    }
    None
}

fn number(name: &str, written: &Option<Spanned<u32>>, range: RangeInclusive<u32>, default: u32) -> Result<u32, Fault> {
    let Some(number) = written else { return Ok(default) };
    if range.contains(&number.value) {
        return Ok(number.value);
    }
    let what = format!("{} is too much or too little for `{name}`", number.value);
    Err(Fault::at(number.referenced, what, format!("use {} to {}", range.start(), range.end())))
}

fn switched(switch: &Option<Spanned<Switch>>, default: bool) -> bool {
    switch.as_ref().map_or(default, |switch| switch.value == Switch::On)
}

fn place<T>(written: &Option<Spanned<T>>) -> Option<Location> {
    written.as_ref().map(|written| written.referenced)
}
