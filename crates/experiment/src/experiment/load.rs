use std::time::Duration;

use serde_saphyr::Spanned;
use topology::{Mistake, Span, Topology, UnitError};
use traffic::{Arrivals, IN_FLIGHT_MAX, Load, Model, RateStage, Request, Target, Think};

use super::bound::{REQUESTS_MAX, at_most};
use super::file::{LoadFile, RateFile, SequentialFile, UsersFile};
use super::target::target_of;

/// Most users, and most connections that are open at once.
pub const USERS_MAX: u32 = 10_000;

/// The rate of requests that can be asked for, in requests per second: above 0.
const RATE_MAX: f64 = 1e6;

/// A load without an end, and the requests that each arm is asked over all rounds.
pub fn load_of(file: &LoadFile, graph: &Topology) -> Result<(Load, u64), Mistake> {
    let (load, requests) = match file {
        LoadFile::Sequential(file) => (sequential_of(file, graph)?, &file.requests),
        LoadFile::Users(file) => (users_of(file, graph)?, &file.requests),
        LoadFile::Rate(file) => (rate_of(file, graph)?, &file.requests),
    };
    if requests.value == 0 {
        return Err(Mistake::at(requests.referenced, "`requests` must not be 0", "ask for 1 or more"));
    }
    Ok((load, at_most("requests", requests, REQUESTS_MAX)?))
}

/// The place and number of the requests in a file.
pub fn requests_of(file: &LoadFile) -> &Spanned<u64> {
    match file {
        LoadFile::Sequential(file) => &file.requests,
        LoadFile::Users(file) => &file.requests,
        LoadFile::Rate(file) => &file.requests,
    }
}

/// A pause of users as people write it: `1s`, between two times `1s-10s`, or exponential around a mean `exp:1s`.
///
/// # Errors
///
/// Returns what is wrong, and what to write instead.
pub fn think_of(text: &str) -> Result<Think, String> {
    let span = |text: &str| -> Result<Duration, String> {
        let span: Result<Span, UnitError> = text.trim().parse();
        span.map(|span| span.0).map_err(|error| format!("{}: {}", error.what, error.hint))
    };
    if let Some(mean) = text.strip_prefix("exp:") {
        return Ok(Think::Exponential(span(mean)?));
    }
    match text.split_once('-') {
        None => Ok(span(text)?.into()),
        Some((low, high)) => match (span(low)?, span(high)?) {
            (low, high) if low <= high => Ok(Think::Uniform { low, high }),
            _ => Err("write the shorter time first, such as `1s-10s`".to_owned()),
        },
    }
}

fn sequential_of(file: &SequentialFile, graph: &Topology) -> Result<Load, Mistake> {
    let target = aimed(&file.target, graph)?;
    let timeout = timeout_of(&file.timeout)?;
    if file.round_trip.value.0 * 2 >= timeout {
        let hint = "lower `round_trip` or raise `timeout`: a new connection takes two round trips";
        return Err(Mistake::at(file.round_trip.referenced, "`round_trip` must be less than half of `timeout`", hint));
    }
    Ok(Load {
        request: Request::get(target),
        model: Model::Closed { users: 1, think: file.think.0.into(), pace: file.pace.0 },
        requests: None,
        time: None,
        connections: 1,
        connection: file.connection,
        round_trip: file.round_trip.value.0,
        timeout,
        in_flight_max: IN_FLIGHT_MAX,
        seed: 0,
    })
}

fn users_of(file: &UsersFile, graph: &Topology) -> Result<Load, Mistake> {
    let users = counted("users", &file.users)?;
    let think = file.think.as_ref().map_or(Ok(Think::None), |think| {
        let hint = "write a time such as `1s`, two times such as `1s-10s`, or a mean such as `exp:1s`";
        think_of(&think.value).map_err(|what| Mistake::at(think.referenced, what, hint))
    })?;
    Ok(Load {
        request: Request::get(aimed(&file.target, graph)?),
        model: Model::Closed { users, think, pace: Duration::ZERO },
        requests: None,
        time: None,
        connections: users,
        connection: file.connection,
        round_trip: Duration::ZERO,
        timeout: timeout_of(&file.timeout)?,
        in_flight_max: IN_FLIGHT_MAX,
        seed: 0,
    })
}

fn rate_of(file: &RateFile, graph: &Topology) -> Result<Load, Mistake> {
    let rate = file.rate.value;
    if !(rate > 0.0 && rate <= RATE_MAX) {
        let hint = format!("write requests per second, above 0 and at most {RATE_MAX}");
        return Err(Mistake::at(file.rate.referenced, "`rate` is out of range", hint));
    }
    Ok(Load {
        request: Request::get(aimed(&file.target, graph)?),
        model: Model::Open {
            arrivals: if file.poisson { Arrivals::Poisson } else { Arrivals::Constant },
            stages: vec![RateStage { from: rate, to: rate, time: Duration::from_secs(1) }],
        },
        requests: None,
        time: None,
        connections: counted("connections", &file.connections)?,
        connection: file.connection,
        round_trip: Duration::ZERO,
        timeout: timeout_of(&file.timeout)?,
        in_flight_max: IN_FLIGHT_MAX,
        seed: 0,
    })
}

fn aimed(target: &Spanned<String>, graph: &Topology) -> Result<Target, Mistake> {
    target_of(&target.value, graph).map_err(|(what, hint)| Mistake::at(target.referenced, what, hint))
}

fn timeout_of(timeout: &Spanned<Span>) -> Result<Duration, Mistake> {
    if timeout.value.0.is_zero() {
        let hint = "write a time such as `10s`";
        return Err(Mistake::at(timeout.referenced, "`timeout` must be greater than 0", hint));
    }
    Ok(timeout.value.0)
}

fn counted(name: &str, number: &Spanned<u32>) -> Result<u32, Mistake> {
    if number.value == 0 {
        return Err(Mistake::at(number.referenced, format!("`{name}` must not be 0"), "ask for 1 or more"));
    }
    at_most(name, number, USERS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_written_in_three_ways() {
        let s = Duration::from_secs;
        assert_eq!(think_of("0s"), Ok(Think::None));
        assert_eq!(think_of("2s"), Ok(Think::Constant(s(2))));
        assert_eq!(think_of("1s-10s"), Ok(Think::Uniform { low: s(1), high: s(10) }));
        assert_eq!(think_of("exp:3s"), Ok(Think::Exponential(s(3))));
        for wrong in ["", "10s-1s", "1s-", "exp:", "one"] {
            assert!(think_of(wrong).is_err(), "{wrong}");
        }
    }
}
