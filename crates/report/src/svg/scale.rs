/// A mapping from values on an axis to coordinates in a drawing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Values at the ends, or their logarithms.
    values: [f64; 2],
    /// Coordinates of the ends.
    ends: [f64; 2],
    is_logarithmic: bool,
}

impl Scale {
    /// A linear scale. Equal ends are moved apart, so that a constant value lies in the middle.
    pub(crate) fn linear(values: [f64; 2], ends: [f64; 2]) -> Self {
        Self { values: apart(values), ends, is_logarithmic: false }
    }

    /// A logarithmic scale of values above zero.
    pub(crate) fn logarithmic(values: [f64; 2], ends: [f64; 2]) -> Self {
        Self { values: apart(values.map(f64::ln)), ends, is_logarithmic: true }
    }

    /// The coordinate of a value.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let value = if self.is_logarithmic { value.ln() } else { value };
        let [low, high] = self.values;
        self.ends[0] + (value - low) / (high - low) * (self.ends[1] - self.ends[0])
    }

    /// Round values of a linear scale for about `count` ticks, and the number of decimals that distinguishes them.
    pub(crate) fn ticks(&self, count: u32) -> (Vec<f64>, usize) {
        let [low, high] = self.values;
        let step = round_step((high - low) / f64::from(count.max(1)));
        let decimals = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
        let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
        ((first..=last).map(|index| index as f64 * step).collect(), decimals)
    }

    /// [`ticks`](Self::ticks) with their labels. The last label has the unit.
    pub(crate) fn labels(&self, count: u32, unit: &str) -> Vec<(f64, String)> {
        let (ticks, decimals) = self.ticks(count);
        let last = ticks.len().saturating_sub(1);
        let label = |(index, tick): (usize, f64)| match index == last {
            true => (tick, format!("{tick:.decimals$} {unit}")),
            false => (tick, format!("{tick:.decimals$}")),
        };
        ticks.into_iter().enumerate().map(label).collect()
    }

    /// Values out of `candidates` at least `room` apart, those closest to `first` first.
    pub(crate) fn choose(&self, candidates: &[f64], first: f64, room: f64) -> Vec<f64> {
        let mut order: Vec<f64> = candidates.iter().copied().filter(|value| self.holds(*value)).collect();
        order.sort_by(|left, right| self.apart(*left, first).total_cmp(&self.apart(*right, first)));
        let mut chosen: Vec<f64> = Vec::new();
        for value in order {
            if chosen.iter().all(|other| self.apart(*other, value) >= room) {
                chosen.push(value);
            }
        }
        chosen.sort_by(f64::total_cmp);
        chosen
    }

    fn holds(&self, value: f64) -> bool {
        let value = if self.is_logarithmic { value.ln() } else { value };
        (self.values[0] - 1e-9..=self.values[1] + 1e-9).contains(&value)
    }

    fn apart(&self, left: f64, right: f64) -> f64 {
        (self.at(left) - self.at(right)).abs()
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0].into_iter().find(|times| power * times >= step * (1.0 - 1e-9)).unwrap_or(10.0);
    power * times
}

fn apart([low, high]: [f64; 2]) -> [f64; 2] {
    if high > low {
        return [low, high];
    }
    let room = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
    [low - room, low + room]
}
