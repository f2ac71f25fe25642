//! Completions and man pages, made from the command line's own definition.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::cli;
use crate::failure::Failure;
use crate::output::print;

/// `meshtax completions`.
pub fn completions(shell: clap_complete::Shell) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::visible(), "meshtax", &mut script);
    print(&String::from_utf8(script)?)?;
    Ok(ExitCode::SUCCESS)
}

/// `meshtax man`: prints the page of the command or a subcommand, or writes all pages as files.
pub fn man(name: Option<&str>, out: Option<&Path>) -> Result<ExitCode, Failure> {
    let mut command = cli::visible();
    command.build();
    if let Some(folder) = out {
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        clap_mangen::generate_to(command, folder).map_err(|error| unwritable(folder, &error))?;
        return Ok(ExitCode::SUCCESS);
    }
    let of = match name {
        None => &command,
        Some(name) => command
            .find_subcommand(name)
            .ok_or_else(|| Failure::new(format!("no subcommand is called `{name}`"), "`meshtax --help` lists them"))?,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(of.clone()).render(&mut page)?;
    print(&String::from_utf8(page)?)?;
    Ok(ExitCode::SUCCESS)
}

fn unwritable(folder: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot write man pages to `{}`: {error}", folder.display()), "name another folder")
}
