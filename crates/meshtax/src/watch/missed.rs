//! Says what a witness has missed.

use std::process::ExitCode;

use anyhow::Context;
use probe::{Source, Witness};
use records::{DnsLosses, DropLosses, TcpLosses, UdpLosses};

use crate::failure::Failure;
use crate::output::say;

/// Counts of what a witness has missed.
pub trait Missed {
    /// A sentence for each count above zero. `passed_by` is how often the kernel skipped a run of a program.
    fn sentences(&self, passed_by: u64) -> Vec<String>;
}

/// Prints what a witness has missed, when a tool ends.
pub fn own_up<S: Source>(witness: &Witness<S>) -> Result<ExitCode, Failure>
where
    S::Losses: Missed,
{
    let losses = witness.losses().context("cannot read what was lost")?;
    let passed_by = witness.costs().programs().iter().map(|program| program.misses).sum();
    losses.sentences(passed_by).iter().for_each(|sentence| say(sentence));
    Ok(ExitCode::SUCCESS)
}

/// Keeps the sentences whose count is above zero.
fn sentences<const N: usize>(counts: [(u64, String); N]) -> Vec<String> {
    counts.into_iter().filter(|(count, _)| *count > 0).map(|(_, sentence)| sentence).collect()
}

impl Missed for TcpLosses {
    fn sentences(&self, _: u64) -> Vec<String> {
        let Self { sockets, late, .. } = *self;
        let lost = self.by_kind().filter(|(_, lost)| *lost > 0);
        let lost =
            lost.map(|(kind, lost)| format!("lost {lost} events ({kind:?}): they came faster than they were read"));
        let met = sentences([
            (sockets, format!("{sockets} sockets were not followed: there was no room for them")),
            (late, format!("{late} sockets were found late: bytes that they moved before are not shown")),
        ]);
        lost.chain(met).collect()
    }
}

impl Missed for DnsLosses {
    fn sentences(&self, _: u64) -> Vec<String> {
        let Self { events, unparsed, extended, unmatched, .. } = *self;
        let unfollowed = self.queries + self.sockets;
        let here = "anywhere on this machine,";
        sentences([
            (events, format!("{events} queries were lost: they ended faster than they were read")),
            (unfollowed, format!("{unfollowed} queries or connections, {here} found no room and were not followed")),
            (unparsed, format!("{unparsed} messages, {here} could not be parsed")),
            (extended, format!("{extended} packets, {here} had further IPv6 extension headers and were not parsed")),
            (unmatched, format!("{unmatched} answers, {here} matched no waiting query")),
        ])
    }
}

impl Missed for UdpLosses {
    fn sentences(&self, _: u64) -> Vec<String> {
        let Self { series, owners } = *self;
        sentences([
            (series, format!("counted {series} times as `other`: there was no room for another series")),
            (owners, format!("{owners} times a socket had no owner: the kernel had no memory for it")),
        ])
    }
}

impl Missed for DropLosses {
    fn sentences(&self, passed_by: u64) -> Vec<String> {
        let Self { events, owners, .. } = *self;
        sentences([
            (events, format!("lost {events} drops: they came faster than they were read")),
            (
                passed_by,
                format!(
                    "missed {passed_by} drops, anywhere on this machine: each came while another was being reported"
                ),
            ),
            (owners, format!("{owners} sockets have no owner: the kernel had no memory for it")),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_missed_is_owned_up_to() {
        assert_eq!(UdpLosses::default().sentences(7), [] as [String; 0]);
        let lost = UdpLosses { owners: 3, ..UdpLosses::default() };
        assert_eq!(lost.sentences(0), ["3 times a socket had no owner: the kernel had no memory for it"]);
        let passed_by = "missed 7 drops, anywhere on this machine: each came while another was being reported";
        assert_eq!(DropLosses::default().sentences(7), [passed_by]);
    }
}
