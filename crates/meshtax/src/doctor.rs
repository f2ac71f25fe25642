use std::path::Path;
use std::process::ExitCode;

use run::Timing;

use crate::failure::Failure;
use crate::host;
use crate::input;
use crate::needs::{self, Need, Shortfall};
use crate::output::print;

/// The topology that the trial sets up.
const TRIAL: &str = "topologies/pair.yaml";

/// `meshtax doctor`: lists what a run needs, and tries a lab if nothing is missing. The exit status is 1 if something
/// is.
pub fn doctor(json: bool, envoy: Option<&Path>) -> Result<ExitCode, Failure> {
    let mut needs = needs::all(envoy);
    if needs.iter().all(|need| need.gap.is_none()) {
        needs.push(trial(envoy)?);
    }
    if json {
        print(&format!("{}\n", serde_json::to_string_pretty(&needs)?))?;
    } else {
        print(&needs.iter().map(line).collect::<String>())?;
    }
    let is_whole = needs.iter().all(|need| need.gap.is_none());
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Sets up two pods with and without sidecars, and removes them.
fn trial(envoy: Option<&Path>) -> Result<Need, Failure> {
    let experiment = input::experiment_on(Path::new(TRIAL), None)?;
    let envoy = needs::check(experiment.needs_envoy(), envoy)?;
    let (found, gap) = match host::trial(&experiment, &envoy) {
        Ok(Timing { stand_up_s, tear_down_s }) => {
            (Some(format!("pods and sidecars stood after {stand_up_s:.1} s, were gone after {tear_down_s:.1} s")), None)
        }
        Err(failure) if failure.is_interruption() => return Err(failure),
        Err(failure) => {
            (None, Some(Shortfall { what: failure.what(), fix: "see above; then run `meshtax clean`".to_owned() }))
        }
    };
    Ok(Need { name: "trial", purpose: "any run", found, gap })
}

fn line(need: &Need) -> String {
    match (&need.found, &need.gap) {
        (_, Some(gap)) => format!(
            "MISSING  {:<15} {} (for {})\n         {:<15} fix: {}\n",
            need.name, gap.what, need.purpose, "", gap.fix
        ),
        (found, None) => format!("ok       {:<15} {}\n", need.name, found.as_deref().unwrap_or_default()),
    }
}
