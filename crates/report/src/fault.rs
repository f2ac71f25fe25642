use measure::{Clue, FaultKind, FaultTrial, Measurement, WitnessKind};

use crate::figure::figure;
use crate::grid::{GridColumn, grid};
use crate::paragraph::paragraph;

/// Arms that stand side by side in a table. There are few, because a sign has many words.
const ABREAST: usize = 2;

/// The cell for no sign.
const NOTHING: &str = "-";

/// The meaning of the cells.
pub(crate) const LEGEND: &str = "the sign of each fault, and how long after its start; in brackets signs that \
                                 something is wrong, but not what";

/// The name of a fault in reports.
pub fn fault_name(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Loss => "loss",
        FaultKind::Reset => "resets",
        FaultKind::Name => "unknown name",
        FaultKind::AcceptQueue => "full accept queue",
    }
}

/// Every fault with the sign that showed it in each arm, and how soon. Empty without faults.
pub(crate) fn faults(measurement: &Measurement) -> String {
    if measurement.faults.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = measurement.arms.iter().map(|arm| arm.name.as_str()).collect();
    let tables: Vec<String> = names.chunks(ABREAST).map(|arms| table(measurement, arms)).collect();
    tables.join("\n") + &paragraph(&legend(measurement), 2)
}

/// The meaning of the cells, and how often the witnesses were read.
pub(crate) fn legend(measurement: &Measurement) -> String {
    let longest_ms = measurement.faults.iter().map(|trial| trial.period_ms).fold(0.0, f64::max);
    format!("{LEGEND}; a reading every {} ms at the longest", figure(longest_ms, "ms"))
}

fn table(measurement: &Measurement, arms: &[&str]) -> String {
    let header = std::iter::once("Signs of faults").chain(arms.iter().copied()).map(str::to_owned).collect();
    let mut rows: Vec<Vec<String>> = vec![header];
    for (title, trials) in made(measurement) {
        rows.push(vec![format!("  {title}")]);
        for (name, cells) in told(&trials, arms) {
            rows.push(std::iter::once(format!("    {name}")).chain(cells).collect());
        }
    }
    grid(&vec![GridColumn::LEFT; arms.len()], rows)
}

/// Each fault by its title, with its trials, in the order in which they were made.
pub(crate) fn made(measurement: &Measurement) -> Vec<(String, Vec<&FaultTrial>)> {
    let mut made: Vec<(String, Vec<&FaultTrial>)> = Vec::new();
    for trial in &measurement.faults {
        let title = title(trial);
        match made.iter_mut().find(|(known, _)| *known == title) {
            Some((_, trials)) => trials.push(trial),
            None => made.push((title, vec![trial])),
        }
    }
    made
}

/// The rows of a fault: each witness, and what it showed in each arm.
pub(crate) fn told<'a>(trials: &[&FaultTrial], arms: &'a [&str]) -> Vec<(&'static str, Vec<String>)> {
    let cell = |arm: &&'a str, witness| {
        let clue = trials.iter().find(|trial| trial.arm == **arm).and_then(|trial| trial.best_clue(witness));
        clue.map_or_else(|| NOTHING.to_owned(), told_by)
    };
    WitnessKind::ALL
        .into_iter()
        .map(|witness| (witness.name(), arms.iter().map(|arm| cell(arm, witness)).collect()))
        .collect()
}

fn title(trial: &FaultTrial) -> String {
    let share = trial.share.map_or_else(String::new, |share| format!(" {} %", share * 100.0));
    format!("{}{share}: {} to {}", fault_name(trial.fault), trial.from, trial.to)
}

fn told_by(clue: &Clue) -> String {
    let seen_after_s = clue.seen_after_s.expect("the best clue was seen");
    let told = format!("{} {} s", clue.sign, figure(seen_after_s, "s"));
    if clue.names_cause { told } else { format!("({told})") }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use measure::Sign;

    use super::*;
    use crate::tests::run::{EBPF, NONE, SIDECAR, run};

    #[test]
    fn who_names_the_cause_and_how_soon() {
        let mut run = run(&[("none", &NONE), ("sidecar", &SIDECAR), ("ebpf", &EBPF)], 10, 0.02);
        assert_eq!(faults(&run), "");
        let trial = |arm: &str, fault: FaultKind, share, told: &[(Sign, f64)]| FaultTrial {
            arm: arm.to_owned(),
            fault,
            from: "front".to_owned(),
            to: "back".to_owned(),
            share,
            hits: None,
            calm_s: 2.0,
            lasted_s: 4.0,
            period_ms: 104.2,
            requests: 900,
            errors: 0,
            clues: told
                .iter()
                .map(|(sign, seen_after_s)| Clue {
                    witness: sign.witness(),
                    sign: sign.clone(),
                    names_cause: fault.is_named_by(sign),
                    before: 0,
                    during: 3,
                    seen_after_s: Some(*seen_after_s),
                })
                .collect(),
        };
        run.faults = vec![
            trial("none", FaultKind::Loss, Some(0.2), &[(Sign::SlowCalls, 0.31)]),
            trial("ebpf", FaultKind::Loss, Some(0.2), &[(Sign::SlowCalls, 0.31), (Sign::Retransmits, 0.21)]),
            trial("sidecar", FaultKind::Reset, Some(0.2), &[(Sign::ResponseFlag("UC".to_owned()), 0.1)]),
            trial("ebpf", FaultKind::Name, None, &[(Sign::FailedOpens, 0.1), (Sign::Nxdomain, 0.2)]),
        ];
        assert_snapshot!(faults(&run), @"
        Signs of faults                none                  sidecar
          loss 20 %: front to back
            application                (slow calls 0.310 s)  -
            sidecars                   -                     -
            kernel                     -                     -
          resets 20 %: front to back
            application                -                     -
            sidecars                   -                     response flag UC 0.100 s
            kernel                     -                     -
          unknown name: front to back
            application                -                     -
            sidecars                   -                     -
            kernel                     -                     -

        Signs of faults                ebpf
          loss 20 %: front to back
            application                (slow calls 0.310 s)
            sidecars                   -
            kernel                     retransmits 0.210 s
          resets 20 %: front to back
            application                -
            sidecars                   -
            kernel                     -
          unknown name: front to back
            application                -
            sidecars                   -
            kernel                     NXDOMAIN 0.200 s
        the sign of each fault, and how long after its start; in brackets signs that
          something is wrong, but not what; a reading every 104 ms at the longest
        ");
    }
}
