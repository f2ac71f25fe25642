//! Arguments, files, messages and exit statuses.

mod agent;
mod compare;
mod demand;
mod fault;
mod image;
mod install;
mod load;
mod manifest;
mod pipe;
mod proxy;
mod record;
mod refusal;
mod schema;
mod words;

use std::process::Output;
use testbed::{meshtax, words};

/// Runs `meshtax ARGUMENTS`, which must succeed without output on standard error. Returns its standard output.
fn prints(arguments: &[&str]) -> String {
    let output = meshtax().args(arguments).output().unwrap();
    assert_succeeds(&output, arguments);
    String::from_utf8(output.stdout).expect("what is printed is text")
}

fn assert_succeeds(output: &Output, arguments: &[&str]) {
    assert!(output.status.success(), "{arguments:?}: {}", words(output));
    assert!(output.stderr.is_empty(), "{arguments:?}: {}", words(output));
}
