//! Periods of health probes, and limits of proxies.

use std::time::Duration;

use ground::{Limits, Periods};
use plane::{Plane, Preset, Sidecar};
use serde_saphyr::Spanned;
use topology::Mistake;

use super::file::ArmFile;
use super::unit::Period;

const PERIOD_MIN: Duration = Duration::from_millis(10);

/// The periods of an arm's health probes. `envoy` has the options of its sidecars, or of its gateway. The defaults are
/// those of Istio and Bookinfo: sidecars are probed, applications are not.
pub fn periods_of(arm: &ArmFile, envoy: Option<&Sidecar>) -> Result<Periods, Mistake> {
    if let Some(period) = arm.probe_period.as_ref().filter(|_| envoy.is_none()) {
        let hint = "use `plane: sidecar`, or `app_probe_period`";
        return Err(Mistake::at(period.referenced, "`probe_period` needs a sidecar", hint));
    }
    let default = envoy.map(|envoy| envoy.preset.probe_period());
    Ok(Periods {
        sidecar: period_of(arm.probe_period.as_ref())?.unwrap_or(default),
        application: period_of(arm.app_probe_period.as_ref())?.unwrap_or(None),
    })
}

/// The period as written, if there is one.
fn period_of(period: Option<&Spanned<Period>>) -> Result<Option<Option<Duration>>, Mistake> {
    let Some(period) = period else { return Ok(None) };
    match period.value.0 {
        Some(time) if time < PERIOD_MIN => Err(Mistake::at(
            period.referenced,
            "probes this frequent are a load of their own",
            "use 10ms or more, or `off`",
        )),
        time => Ok(Some(time)),
    }
}

/// The limits of each proxy of an arm. `envoy` has the options of its sidecars, or of its gateway. The default is
/// Istio's for sidecars with the preset `today`; otherwise there are no limits.
pub fn limits_of(arm: &ArmFile, plane: &Plane, envoy: Option<&Sidecar>) -> Result<Limits, Mistake> {
    let Some(limits) = &arm.limits else {
        let is_istios = envoy.is_some_and(|envoy| envoy.preset == Preset::Today);
        return Ok(if is_istios { Limits::ISTIO } else { Limits::default() });
    };
    if *plane == Plane::None && envoy.is_none() {
        return Err(Mistake::at(limits.referenced, "`limits` apply only to proxies", "use `plane: sidecar`"));
    }
    if let Some(memory) = limits.value.memory.as_ref().filter(|memory| memory.value.0 == 0) {
        return Err(Mistake::at(memory.referenced, "`memory` must be greater than 0", "Istio's default is `1 GiB`"));
    }
    Ok(Limits {
        cpu_millicores: limits.value.cpu.map(|cores| cores.millicores),
        memory_bytes: limits.value.memory.as_ref().map(|memory| memory.value.0),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::tests::parse;

    /// Checks the arm `sidecar` (or else `none`) of an experiment with these keys: its periods in milliseconds and its
    /// limits, or the refusal.
    fn check(plane: &str, keys: &str, expect: &str) {
        let text = format!(
            "name: health\ntopology: pair\narms:\n  a: {{plane: {plane}{keys}}}\n\
             load: {{sequential: {{target: 'http://front:8080/', requests: 15}}}}\n"
        );
        let seen = match parse(Path::new("health.yaml"), text) {
            Err(failure) => failure.to_string().replace("error: health.yaml:", ""),
            Ok(experiment) => {
                let arm = &experiment.arms[0];
                let ms = |period: Option<Duration>| period.map(|period| period.as_millis());
                let (sidecar, application) = (ms(arm.probes.sidecar), ms(arm.probes.application));
                format!("{sidecar:?} {application:?} {:?} {:?}", arm.limits.cpu_millicores, arm.limits.memory_bytes)
            }
        };
        assert!(seen.contains(expect), "{keys}: {seen}");
    }

    #[test]
    fn sidecars_are_asked_as_istio_has_it_and_applications_only_if_told() {
        check("none", "", "None None None None");
        check("sidecar", "", "Some(15000) None Some(2000) Some(1073741824)");
        check("sidecar", ", preset: today", "Some(15000) None Some(2000) Some(1073741824)");
        check("sidecar", ", preset: istio-1.9-demo", "Some(2000) None None None");
        check("none", ", gateway: ingress", "Some(15000) None Some(2000) Some(1073741824)");
        check("sidecar", ", probe_period: off", "None None Some(2000) Some(1073741824)");
        check("sidecar", ", probe_period: false", "None None Some(2000) Some(1073741824)");
        check(
            "sidecar",
            ", probe_period: 2s, app_probe_period: 10s",
            "Some(2000) Some(10000) Some(2000) Some(1073741824)",
        );
        check("none", ", app_probe_period: 10s", "None Some(10000) None None");
        check("none", ", probe_period: 2s", "`probe_period` needs a sidecar");
        check("sidecar", ", probe_period: 5", "`5` has no unit");
        check("sidecar", ", probe_period: 1ms", "hint: use 10ms or more, or `off`");
    }

    #[test]
    fn limits_are_kubernetess() {
        check("sidecar", ", limits: {cpu: 2, memory: 1 GiB}", "Some(2000) Some(1073741824)");
        check("sidecar", ", limits: {cpu: 500m}", "Some(500) None");
        check("sidecar", ", limits: {}", "Some(15000) None None None");
        check("sidecar", ", limits: {cpu: 0.05}", "Some(50) None");
        check("sidecar", ", limits: {cpu: 9m}", "`9m` is not a number of cores");
        check("sidecar", ", limits: {cpu: nan}", "`nan` is not a number of cores");
        check("sidecar", ", limits: {memory: 0}", "`memory` must be greater than 0");
        check("none", ", limits: {cpu: 2}", "`limits` apply only to proxies");
    }
}
