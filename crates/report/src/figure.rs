use std::collections::{BTreeMap, BTreeSet};

use measure::{Arm, LeftOut, Measurement, Metric, Reason, Subject};

/// Significant digits of a figure. A whole number keeps all of its digits.
const DIGITS: i32 = 3;

/// The most decimals of a figure that is almost zero.
const DECIMALS_MAX: i32 = 6;

/// A value with three significant digits and no unit; with unit `1`, a count, as a whole number.
pub(crate) fn figure(value: f64, unit: &str) -> String {
    fixed(value, decimals(value, unit))
}

/// A signed difference with its unit and its interval, if there is one: `+4.21 ms [4.02, 4.40]`.
///
/// All numbers have the same decimals: those that the largest needs, and up to two more if the ends of the interval
/// would otherwise read alike.
pub(crate) fn difference(difference: f64, ends: Option<[f64; 2]>, unit: &str) -> String {
    let [low, high] = ends.unwrap_or([difference; 2]);
    let largest = [difference, low, high].map(f64::abs).into_iter().fold(0.0, f64::max);
    // Rounding errors of a calculation without a difference are shown as zero.
    let is_nothing = is_zero(&fixed(largest, DECIMALS_MAX as usize));
    let least = if is_nothing { 0 } else { decimals(largest, unit) };
    let alike = |decimals: &usize| !is_nothing && low != high && fixed(low, *decimals) == fixed(high, *decimals);
    let decimals = least + (least..least + 2).take_while(alike).count();
    let unit = if unit == "1" { String::new() } else { format!(" {unit}") };
    signed(difference, ends, decimals, &unit)
}

/// A signed difference beside a figure that has the unit, with as many decimals as the figure: `+4.21 [4.02, 4.40]`.
pub(crate) fn difference_beside(value: f64, difference: f64, ends: Option<[f64; 2]>, unit: &str) -> String {
    signed(difference, ends, decimals(value, unit), "")
}

fn signed(difference: f64, ends: Option<[f64; 2]>, decimals: usize, unit: &str) -> String {
    let sign = if difference > 0.0 && !is_zero(&fixed(difference, decimals)) { "+" } else { "" };
    let point = format!("{sign}{}{unit}", fixed(difference, decimals));
    match ends {
        Some([low, high]) => format!("{point} [{}, {}]", fixed(low, decimals), fixed(high, decimals)),
        None => point,
    }
}

/// A ratio as a change in percent: 3.1 is `+210 %`.
pub(crate) fn change(ratio: f64, ends: Option<[f64; 2]>) -> String {
    let percent = |ratio: f64| (ratio - 1.0) * 100.0;
    difference(percent(ratio), ends.map(|ends| ends.map(percent)), "%")
}

/// The rhythm and distance of requests: `2 ms think time`, `a request every 5 ms`, and the round trip.
pub(crate) fn rhythm(subject: &Subject) -> String {
    let Subject { think_ms, pace_ms, round_trip_ms, users, rate_per_s, .. } = subject;
    if let Some(rate) = rate_per_s {
        return format!("{} requests a second", figure(*rate, "requests/s"));
    }
    let rhythm = match (*pace_ms > 0.0, *think_ms > 0.0) {
        (false, _) => format!("{think_ms} ms think time"),
        (true, false) => format!("a request every {pace_ms} ms"),
        (true, true) => format!("a request every {pace_ms} ms, {think_ms} ms think time"),
    };
    let users = users.map_or_else(String::new, |users| format!("{users} users, "));
    let distance = if *round_trip_ms > 0.0 { format!(", {round_trip_ms} ms round trip") } else { String::new() };
    format!("{users}{rhythm}{distance}")
}

/// How many requests were under way at once: `one at a time`, `32 users`, `200 requests/s`.
pub(crate) fn concurrency(subject: &Subject) -> String {
    match (subject.users, subject.rate_per_s) {
        (_, Some(rate)) => format!("{} requests/s", figure(rate, "requests/s")),
        (Some(users), None) => format!("{users} users"),
        (None, None) => "one at a time".to_owned(),
    }
}

/// The requests per arm, such as `1500 requests per arm`. For an interrupted run, such as `480 to 500 of 1500 requests
/// per arm`: the fewest and the most that an arm had, out of those planned.
pub(crate) fn requests(measurement: &Measurement) -> String {
    let asked = measurement.experiment.requests;
    let done = |arm: &Arm| Some(arm.metrics.get(Metric::Requests.name())?.value? as u64);
    let done = || measurement.arms.iter().filter_map(done);
    let (least, most) = (done().min().unwrap_or(asked), done().max().unwrap_or(asked));
    let range = if least == most { String::new() } else { format!("{least} to ") };
    let requests = match least {
        _ if least >= asked => format!("{range}{}", count(most, "request")),
        _ => format!("{range}{most} of {}", count(asked, "request")),
    };
    format!("{requests} per arm")
}

/// The rounds, such as `30 rounds` or `50 rounds in 10 stand-ups of the lab`; for an interrupted run, `12 of 30
/// rounds`.
pub(crate) fn rounds(subject: &Subject) -> String {
    let rounds = match subject.rounds_asked {
        Some(asked) if asked > performed(subject) => format!("{} of {}", subject.rounds, count(asked.into(), "round")),
        _ => count(subject.rounds.into(), "round"),
    };
    let rounds = match units(subject) {
        (_, "round") => rounds,
        (stands, noun) => format!("{rounds} in {} of the lab", count(stands.into(), noun)),
    };
    left_out(subject).map_or_else(|| rounds.clone(), |left_out| format!("{rounds} ({left_out})"))
}

/// The rounds left out, such as `4 more left out: 3 for other programs' use of more than 20 % of the machine, 1 for a
/// standstill`.
fn left_out(subject: &Subject) -> Option<String> {
    // A round may be left out because of several blocks. A standstill then counts as the reason.
    let mut rounds = BTreeMap::new();
    for LeftOut { round, reason, .. } in &subject.left_out {
        *rounds.entry(round).or_insert(false) |= matches!(reason, Reason::StoppedS(_));
    }
    let stopped = rounds.values().filter(|stopped| **stopped).count();
    let foreign = (rounds.len() - stopped > 0).then(|| {
        let most = subject.drop_foreign.unwrap_or_default() * 100.0;
        format!("{} for other programs' use of more than {most} % of the machine", rounds.len() - stopped)
    });
    let stopped = (stopped > 0).then(|| format!("{stopped} for a standstill"));
    let reasons: Vec<String> = foreign.into_iter().chain(stopped).collect();
    (!reasons.is_empty()).then(|| format!("{} more left out: {}", rounds.len(), reasons.join(", ")))
}

/// The number of rounds that were performed, including those that are left out.
fn performed(subject: &Subject) -> u32 {
    let left_out: BTreeSet<u32> = subject.left_out.iter().map(|left_out| left_out.round).collect();
    subject.rounds + u32::try_from(left_out.len()).unwrap_or(u32::MAX)
}

/// The number of units of statistics, and the name of one.
pub(crate) fn units(subject: &Subject) -> (u32, &'static str) {
    match subject.stands {
        None => (subject.rounds, "round"),
        Some(stands) => (stands.begun(performed(subject)), "stand-up"),
    }
}

/// A number with its noun, such as `1 round` or `3 rounds`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn decimals(value: f64, unit: &str) -> usize {
    if unit == "1" || value == 0.0 {
        return 0;
    }
    // The exponent is taken after rounding: 9.996 becomes 10.0, not 10.00.
    let scientific = format!("{value:.0$e}", DIGITS as usize - 1);
    let exponent = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok()).unwrap_or(0);
    (DIGITS - 1 - exponent).clamp(0, DECIMALS_MAX) as usize
}

fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    // A value that rounds to zero has no sign.
    if is_zero(&text) { text.trim_start_matches('-').to_owned() } else { text }
}

fn is_zero(text: &str) -> bool {
    !text.contains(|c: char| ('1'..='9').contains(&c))
}

#[cfg(test)]
mod tests;
