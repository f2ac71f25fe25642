use std::path::Path;
use std::process::ExitCode;

use experiment::{Demand, Experiment, Kind, kind_of, plan};
use lab::Trees;
use run::spoken;

use crate::cli::CheckOptions;
use crate::failure::Failure;
use crate::input;
use crate::limits;
use crate::output::print;

/// `meshtax check`: validates an experiment or a topology, and says what a run of it needs.
pub fn check(options: &CheckOptions) -> Result<ExitCode, Failure> {
    let text = input::read(&options.file)?;
    let asked = match kind_of(&options.file, &text)? {
        Kind::Experiment => {
            let experiment = input::experiment_of(&options.file, text)?;
            print(&experiment::outline(&experiment))?;
            print(&report::graph(&experiment.topology.graph))?;
            Some(experiment)
        }
        Kind::Topology | Kind::Unknown => {
            let graph = topology::read_topology(&text).map_err(|fault| Failure::in_file(&options.file, fault))?;
            print(&report::graph(&graph))?;
            // A topology without an endpoint to request can only run with an experiment.
            input::experiment_on_text(&options.file, text, None).ok()
        }
    };
    if let Some(experiment) = asked {
        weigh(experiment)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what each run needs. Returns an error if this machine grants less.
fn weigh(experiment: Experiment) -> Result<(), Failure> {
    let trees = Trees::discover().ok();
    let experiments = experiment.in_groups();
    for (group, experiment) in &experiments {
        let of = group.as_ref().map(|group| format!(" of group {group}")).unwrap_or_default();
        let demand = Demand::of(experiment);
        let time = ("time", format!("about {}", spoken(plan(experiment).length(experiment))));
        let rows = demand.rows().into_iter().chain([time]);
        let rows: String = rows.map(|(name, figure)| format!("  {name:<21}  {figure}\n")).collect();
        print(&format!("\na run{of} takes at least\n{rows}"))?;
    }
    experiments.iter().try_for_each(|(_, experiment)| limits::check(experiment, trees.as_ref(), Path::new("runs")))
}
