//! The door: arguments, words and wiring. Only this room prints, exits, and reads arguments and environment.

mod awake;
mod capability;
mod cause;
mod check;
mod clean;
mod cli;
mod compare;
mod doctor;
mod environment;
mod execution;
mod failure;
mod forgone;
mod format;
mod gate;
mod generator;
mod held;
mod host;
mod input;
mod limits;
mod manual;
mod monitor;
mod needs;
mod output;
mod record;
mod role;
mod schema;
mod signals;
mod status_line;
mod text;
mod watch;

use std::process::ExitCode;

use attribution::Tool;
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

/// Sets the umask, so that other users can read at most what root makes, whatever umask the user has.
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
        Verb::Demo(options) => execution::demo(&options),
        Verb::Calibrate(options) => execution::calibrate(&options),
        Verb::Run(options) => execution::run(&options),
        Verb::Report(options) => format::report(&options),
        Verb::Compare(options) => compare::compare(&options),
        Verb::Load(options) => generator::generate(&options),
        Verb::Check(options) => check::check(&options),
        Verb::Show { name } => input::show(name.as_deref()),
        Verb::Doctor { json, envoy } => doctor::doctor(json, envoy.as_deref()),
        Verb::Clean { id } => clean::clean(id.as_deref()),
        Verb::Schema { of } => schema::schema(of),
        Verb::Completions { shell } => manual::completions(shell),
        Verb::Man { name, out } => manual::man(name.as_deref(), out.as_deref()),
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
