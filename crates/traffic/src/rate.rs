use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A stretch of time in which the rate goes from one value to another in a straight line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateStage {
    /// Requests per second at its beginning.
    pub from: f64,
    /// Requests per second at its end; the same as `from` for a constant rate.
    pub to: f64,
    /// Length of the stage.
    pub time: Duration,
}

/// When the n-th request of a rate that changes over time is due.
///
/// The expected number of requests until time t is the integral of the rate. Its inverse gives the time of the n-th one.
/// Numbers are asked for in ascending order.
#[derive(Clone, Debug)]
pub struct ArrivalCurve {
    stages: Vec<RateStage>,
    /// Index of the stage that is looked at.
    stage: usize,
    /// Seconds, and expected requests, before that stage.
    begun: (f64, f64),
}

impl ArrivalCurve {
    /// The curve of these stages. After the last one its final rate holds.
    pub fn new(stages: Vec<RateStage>) -> Self {
        Self { stages, stage: 0, begun: (0.0, 0.0) }
    }

    /// Seconds from the start until `n` requests are expected; `None` if the rate stays at zero before that.
    pub fn time_s(&mut self, n: f64) -> Option<f64> {
        while let Some(stage) = self.stages.get(self.stage) {
            let (from_s, before) = self.begun;
            let length_s = stage.time.as_secs_f64();
            let within = (stage.from + stage.to) / 2.0 * length_s;
            if n <= before + within && within > 0.0 {
                return Some(from_s + within_stage_s(stage, n - before));
            }
            self.begun = (from_s + length_s, before + within);
            self.stage += 1;
        }
        let (from_s, before) = self.begun;
        let rate = self.stages.last()?.to;
        (rate > 0.0).then(|| from_s + (n - before) / rate)
    }
}

/// Seconds until a stage has brought `n` requests: the root of `from·t + (to - from)/(2·length)·t² = n`.
fn within_stage_s(stage: &RateStage, n: f64) -> f64 {
    let slope = (stage.to - stage.from) / stage.time.as_secs_f64();
    let root = (stage.from * stage.from + 2.0 * slope * n).max(0.0).sqrt();
    // The form that does not subtract two nearly equal numbers; it also holds where the slope is zero.
    let divisor = stage.from + root;
    if divisor > 0.0 { 2.0 * n / divisor } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stages: &[(f64, f64, f64)], times_s: &[Option<f64>]) {
        let stages = stages.iter().map(|(from, to, time_s)| RateStage {
            from: *from,
            to: *to,
            time: Duration::from_secs_f64(*time_s),
        });
        let mut curve = ArrivalCurve::new(stages.collect());
        for (n, expected) in times_s.iter().enumerate() {
            match (curve.time_s(n as f64 * 10.0), expected) {
                (Some(time_s), Some(expected)) => assert!((time_s - expected).abs() < 1e-9, "{n}: {time_s}"),
                (time_s, expected) => assert_eq!(time_s, *expected, "{n}"),
            }
        }
    }

    #[test]
    fn the_nth_request_is_due_when_the_integral_of_the_rate_is_n() {
        check(&[(10.0, 10.0, 1.0)], &[Some(0.0), Some(1.0), Some(2.0)]);
        // 0 to 20 per second within two seconds: 20 requests, n = 5 t².
        check(&[(0.0, 20.0, 2.0)], &[Some(0.0), Some(2.0_f64.sqrt()), Some(2.0), Some(2.5)]);
        // A step: one second at 10, then 100.
        check(&[(10.0, 10.0, 1.0), (100.0, 100.0, 1.0)], &[Some(0.0), Some(1.0), Some(1.1), Some(1.2)]);
        // Silence, then requests; and a ramp down to nothing, after which none is due.
        check(&[(0.0, 0.0, 5.0), (10.0, 10.0, 1.0)], &[Some(5.0), Some(6.0), Some(7.0)]);
        check(&[(20.0, 0.0, 1.0)], &[Some(0.0), Some(1.0), None]);
    }
}
