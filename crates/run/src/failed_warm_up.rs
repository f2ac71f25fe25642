//! What came of the requests that warm arms up.

use std::collections::BTreeMap;

/// What became of an arm's warm-up: how many requests failed, by kind.
pub type Errors = BTreeMap<String, u64>;

/// A warm-up in which no request of some arm succeeded.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no request of the warm-up succeeded in {0}")]
pub struct FailedWarmUp(String);

/// What came back, arm by arm, where no request of an arm succeeded.
pub fn failed_warm_up(answers: &[(String, Errors)], requests: u64) -> Option<FailedWarmUp> {
    let failed = answers.iter().filter(|(_, errors)| errors.values().sum::<u64>() >= requests);
    let told: Vec<String> = failed
        .map(|(arm, errors)| {
            let kinds: Vec<String> = errors.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            format!("arm `{arm}` ({})", kinds.join(", "))
        })
        .collect();
    (!told.is_empty()).then(|| FailedWarmUp(told.join(", ")))
}
