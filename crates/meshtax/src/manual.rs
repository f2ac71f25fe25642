//! Completions and the man page, made from the command line's own definition.

use std::io::Write;
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

/// `meshtax man`: one page, with a section for each subcommand.
pub fn man() -> Result<ExitCode, Failure> {
    let command = cli::command();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        writeln!(page, ".SH MESHTAX {}", verb.get_name().to_uppercase())?;
        let section = clap_mangen::Man::new(verb.clone().disable_help_flag(true));
        section.render_description_section(&mut page)?;
        section.render_options_section(&mut page)?;
    }
    print(&String::from_utf8(page)?)?;
    Ok(ExitCode::SUCCESS)
}
