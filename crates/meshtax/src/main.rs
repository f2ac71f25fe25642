//! The door: arguments, experiment, plan of the run, the run itself. The only room that prints, exits, and reads
//! arguments and environment.

mod awake;
mod bundled;
mod capability;
mod cause;
mod check;
mod clean;
mod cli;
mod compare;
mod conduct;
mod demand;
mod doctor;
mod environment;
mod experiment;
mod failure;
mod faults;
mod folder;
mod forgone;
mod format;
mod gate;
mod held;
mod kernel;
mod kind;
mod limits;
mod manual;
mod measurement;
mod monitor;
mod needs;
mod output;
mod plan;
mod planes;
mod probing;
mod progress;
mod record;
mod role;
mod run;
mod schema;
mod sidecar;
mod signals;
mod tally;
mod telemetry;
mod text;
mod warm_up;
mod watch;
mod witness;
mod yaml;

use std::process::ExitCode;

use agent::Tool;
use clap::FromArgMatches;
use nix::sys::stat::{Mode, umask};
use nix::unistd::geteuid;

use cli::{Cli, Verb};
use failure::Failure;

fn main() -> ExitCode {
    limits::take_what_is_granted();
    keep_others_from_writing();
    let matches = cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match perform(cli.verb) {
        Ok(code) => code,
        Err(failure) if failure.is_unread() => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// What root makes is for others to read at most, whatever the user has asked for.
fn keep_others_from_writing() {
    if !geteuid().is_root() {
        return;
    }
    let others = Mode::S_IWGRP | Mode::S_IWOTH;
    let asked = umask(others);
    umask(asked | others);
}

fn perform(verb: Verb) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Demo(options) => run::demo(&options),
        Verb::Calibrate(options) => run::calibrate(&options),
        Verb::Run(options) => run::run(&options),
        Verb::Report(options) => format::report(&options),
        Verb::Compare(options) => compare::compare(&options),
        Verb::Check(options) => check::check(&options),
        Verb::Show { name } => bundled::show(name.as_deref()),
        Verb::Doctor { json, envoy } => doctor::doctor(json, envoy.as_deref()),
        Verb::Clean { id } => clean::clean(id.as_deref()),
        Verb::Schema { of } => schema::schema(of),
        Verb::Completions { shell } => manual::completions(shell),
        Verb::Man => manual::man(),
        Verb::Agent(options) => monitor::agent(&options),
        Verb::Top(options) => watch::top(&options),
        Verb::Life(options) => watch::events(Tool::Life, &options),
        Verb::Connect(options) => watch::events(Tool::Connect, &options),
        Verb::Accept(options) => watch::events(Tool::Accept, &options),
        Verb::Retrans(options) => watch::events(Tool::Retrans, &options),
        Verb::Resets(options) => watch::events(Tool::Resets, &options),
        Verb::Dns(options) => watch::dns(&options),
        Verb::Backlog(options) => watch::backlog(&options),
        Verb::Drops(options) => watch::drops(&options),
        Verb::Udp(options) => watch::udp(&options),
        Verb::Rtt(options) => watch::rtt(&options),
        Verb::Role(role) => role::play(&role),
    }
}
