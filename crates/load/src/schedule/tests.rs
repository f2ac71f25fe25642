use std::rc::Rc;

use measure::ConnectionUse;
use proptest::prelude::*;
use traffic::{Arrivals, Model, RateStage, Request, Think};

use super::*;
use crate::RequestOutcome;
use crate::exchange::{Exchange, Prepared};

fn load(requests: Option<u64>, time: Option<Duration>) -> Load {
    Load {
        request: Request::get("http://127.0.0.1/".parse().unwrap()),
        model: Model::Closed { users: 1, think: Think::None, pace: Duration::ZERO },
        requests,
        time,
        connections: 1,
        connection: ConnectionUse::Keep,
        round_trip: Duration::ZERO,
        timeout: Duration::from_secs(1),
        in_flight_max: 1_000,
        seed: 23,
    }
}

fn prepared() -> Rc<Prepared> {
    Rc::new(Prepared::new(&Request::get("http://127.0.0.1/".parse().unwrap())))
}

fn over(arrival: DueRequest, end_ns: u64) -> Finished {
    let began_ns = arrival.due_ns;
    Exchange::begin(arrival, began_ns, 0).end(end_ns, RequestOutcome::Answered { status: 200 })
}

proptest! {
    /// The first is due at the start, each other one pause after the end before it but not sooner than one pace after
    /// the start before it, and there are as many as asked.
    #[test]
    fn a_pause_and_a_pace_are_kept(
        start_ns in 0..1u64 << 60,
        think_ns in 0..10_000_000_000u64,
        pace_ns in 0..60_000_000_000u64,
        durations_ns in prop::collection::vec(0..60_000_000_000u64, 0..100),
    ) {
        let user = (1, Duration::from_nanos(think_ns).into(), Duration::from_nanos(pace_ns));
        let load = load(Some(durations_ns.len() as u64), None);
        let mut schedule = Closed::new(&load, prepared(), user, ThreadShare::WHOLE, start_ns);
        let mut expected_ns = start_ns;
        for duration_ns in durations_ns {
            prop_assert_eq!(schedule.next_ns(), Some(expected_ns));
            prop_assert!(schedule.take(expected_ns.saturating_sub(1)).is_none() || expected_ns == 0);
            let arrival = schedule.take(expected_ns + 5).unwrap();
            prop_assert_eq!(arrival.due_ns, expected_ns);
            prop_assert_eq!(schedule.next_ns(), None);
            let end_ns = expected_ns + duration_ns;
            schedule.ended(0, &over(arrival, end_ns));
            expected_ns = (end_ns + think_ns).max(expected_ns + pace_ns);
        }
        prop_assert_eq!(schedule.next_ns(), None);
    }

    /// However many threads share a load, they perform all of it.
    #[test]
    fn shares_add_up(whole in 0..1u64 << 40, of in 1..64u32) {
        let parts = (0..of).map(|index| ThreadShare { index, of }.part(whole));
        prop_assert_eq!(parts.sum::<u64>(), whole);
    }
}

/// When the arrivals of an open load are due, in seconds, over all threads and in order.
fn arrivals(arrivals: Arrivals, threads: u32, rate: f64, time: Duration) -> Vec<f64> {
    let stages = vec![RateStage { from: rate, to: rate, time }];
    let load = load(None, Some(time));
    let mut due_ns = Vec::new();
    for index in 0..threads {
        let share = ThreadShare { index, of: threads };
        let mut open = Open::new(&load, prepared(), (arrivals, stages.clone()), share, 1_000);
        due_ns.extend(std::iter::from_fn(|| open.take(u64::MAX)).map(|arrival| arrival.due_ns - 1_000));
    }
    due_ns.sort_unstable();
    due_ns.into_iter().map(|due_ns| due_ns as f64 / 1e9).collect()
}

/// Threads share a rate without asking in phase, and without losing a request.
#[test]
fn a_rate_is_kept_by_all_threads_together() {
    for threads in [1, 3] {
        let due_s = arrivals(Arrivals::Constant, threads, 100.0, Duration::from_secs(2));
        assert_eq!(due_s.len(), 200);
        assert!(due_s.iter().enumerate().all(|(n, due_s)| (due_s - n as f64 / 100.0).abs() < 1e-6));
    }
}

/// Gaps of Poisson arrivals are exponentially distributed: Kolmogorov-Smirnov, at the 0.1 % level.
#[test]
fn random_arrivals_are_a_poisson_process() {
    for threads in [1, 4] {
        let due_s = arrivals(Arrivals::Poisson, threads, 1_000.0, Duration::from_secs(10));
        let mut gaps: Vec<f64> = due_s.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_by(f64::total_cmp);
        let n = gaps.len() as f64;
        let distance = gaps.iter().enumerate().map(|(index, gap)| {
            let expected = 1.0 - (-gap * 1_000.0).exp();
            (expected - index as f64 / n).abs().max((expected - (index + 1) as f64 / n).abs())
        });
        let distance = distance.fold(0.0, f64::max);
        assert!(distance < 1.95 / n.sqrt(), "{distance} of {n} gaps, {threads} threads");
        // 10,000 are expected, with a standard deviation of 100.
        assert!((n - 10_000.0).abs() < 400.0, "{n}");
    }
}

/// Users who think begin apart from one another, and each thinks as long as it should.
#[test]
fn thinking_users_do_not_ask_in_phase() {
    let think = Think::Uniform { low: Duration::from_secs(1), high: Duration::from_secs(3) };
    let load = load(Some(400), None);
    let mut schedule = Closed::new(&load, prepared(), (4, think, Duration::ZERO), ThreadShare::WHOLE, 0);
    let mut firsts = Vec::new();
    let mut pauses_s = Vec::new();
    let mut last_ns = [None; 4];
    while let Some(due_ns) = schedule.next_ns() {
        let arrival = schedule.take(due_ns).unwrap();
        let user = arrival.user;
        match last_ns[user as usize] {
            None => firsts.push(due_ns / 1_000_000),
            Some(last_ns) => pauses_s.push((due_ns - last_ns) as f64 / 1e9),
        }
        last_ns[user as usize] = Some(due_ns);
        schedule.ended(user, &over(arrival, due_ns));
    }
    assert_eq!(firsts, [0, 500, 1_000, 1_500]);
    assert!(pauses_s.iter().all(|pause_s| (1.0..3.0).contains(pause_s)));
    let mean_s = pauses_s.iter().sum::<f64>() / pauses_s.len() as f64;
    assert!((mean_s - 2.0).abs() < 0.15, "{mean_s}");
}
