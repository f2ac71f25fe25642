use std::path::Path;
use std::process::ExitCode;

use crate::failure::Failure;
use crate::needs::{self, Need};
use crate::output::print;

/// `meshtax doctor`: exit status 1 if anything that a run needs is missing.
pub fn doctor(json: bool, envoy: Option<&Path>) -> Result<ExitCode, Failure> {
    let needs = needs::all(envoy);
    if json {
        print(&format!("{}\n", serde_json::to_string_pretty(&needs)?))?;
    } else {
        print(&needs.iter().map(line).collect::<String>())?;
    }
    let gaps = needs.iter().filter(|need| need.gap.is_some()).count();
    if gaps == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::from(1))
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
