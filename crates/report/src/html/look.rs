use measure::{Arm, Effect, Measurement, Metric};

use crate::element::{Element, element};
use crate::svg::{Canvas, path, rectangle};

/// Number of arms with a colour and mark of their own; further arms start again.
const LOOKS: usize = 9;

/// The look of each arm on the page: a colour and, for readers who cannot distinguish colours, a mark and a dash.
pub(crate) struct Looks<'a> {
    measurement: &'a Measurement,
}

impl<'a> Looks<'a> {
    pub(crate) fn of(measurement: &'a Measurement) -> Self {
        Self { measurement }
    }

    /// CSS class of everything that belongs to an arm: `a0` for the baseline, `floor` for its copy.
    pub(crate) fn class(&self, arm: &str) -> String {
        if is_null(self.measurement, arm) {
            return "floor".to_owned();
        }
        let arms = self.measurement.arms.iter().filter(|known| !is_null(self.measurement, &known.name));
        let place = arms.map(|known| &known.name).position(|name| name == arm);
        match place {
            None => "floor".to_owned(),
            Some(0) => "a0".to_owned(),
            Some(place) => format!("a{}", (place - 1) % (LOOKS - 1) + 1),
        }
    }

    /// Draws the mark of an arm around a point.
    pub(crate) fn mark(&self, canvas: &mut Canvas, arm: &str, at: (f64, f64), more: &str, tip: &str) {
        canvas.put(mark(&self.class(arm), at, more).with("data-tip", tip));
    }

    /// Names of arms with their looks, in the given order.
    pub(crate) fn legend<'b>(&self, arms: impl IntoIterator<Item = &'b str>) -> Element {
        let entries = arms.into_iter().map(|arm| element("li").put(self.swatch(arm)).text(arm));
        element("ul").class("legend").puts(entries)
    }

    /// A small picture of an arm's line and mark.
    pub(crate) fn swatch(&self, arm: &str) -> Element {
        let class = self.class(arm);
        element("svg")
            .class("swatch")
            .with("viewBox", "0 0 40 12")
            .with("aria-hidden", "true")
            .put(path(&format!("curve {class}"), &[(1.0, 6.0), (39.0, 6.0)]))
            .put(mark(&class, (20.0, 6.0), ""))
    }
}

/// The mark of a class around a point: circle, square, diamond, triangles, cross, bars, hourglass.
fn mark(class: &str, (x, y): (f64, f64), more: &str) -> Element {
    let class_all = format!("mark {class} {more}");
    let closed = |points: &[(f64, f64)]| path(class_all.trim_end(), &[points, &points[..1]].concat());
    match class {
        "a1" => rectangle(class_all.trim_end(), (x - 3.6, y - 3.6), (7.2, 7.2)),
        "a2" => closed(&[(x, y - 5.2), (x + 5.2, y), (x, y + 5.2), (x - 5.2, y)]),
        "a3" => closed(&[(x, y - 4.8), (x + 4.8, y + 3.8), (x - 4.8, y + 3.8)]),
        "a4" => closed(&[(x, y + 4.8), (x + 4.8, y - 3.8), (x - 4.8, y - 3.8)]),
        "a5" => closed(&cross((x, y))),
        "a6" => rectangle(class_all.trim_end(), (x - 2.0, y - 5.4), (4.0, 10.8)),
        "a7" => rectangle(class_all.trim_end(), (x - 5.4, y - 2.0), (10.8, 4.0)),
        "a8" => closed(&[(x - 4.6, y - 4.6), (x + 4.6, y - 4.6), (x - 4.6, y + 4.6), (x + 4.6, y + 4.6)]),
        _ => element("circle").class(class_all.trim_end()).at([("cx", x), ("cy", y), ("r", 4.0)]),
    }
}

/// Corners of an upright cross around a point.
fn cross((x, y): (f64, f64)) -> [(f64, f64); 12] {
    let (near, far) = (1.7, 5.0);
    [
        (x - near, y - far),
        (x + near, y - far),
        (x + near, y - near),
        (x + far, y - near),
        (x + far, y + near),
        (x + near, y + near),
        (x + near, y + far),
        (x - near, y + far),
        (x - near, y + near),
        (x - far, y + near),
        (x - far, y - near),
        (x - near, y - near),
    ]
}

/// Whether an arm is the copy of the baseline that shows the noise floor.
pub(crate) fn is_null(measurement: &Measurement, arm: &str) -> bool {
    measurement.null.iter().flat_map(|null| &null.effects).any(|effect| effect.arm == arm)
}

/// Arms that are compared with the baseline.
pub(crate) fn compared(measurement: &Measurement) -> impl Iterator<Item = &Arm> {
    measurement.arms.iter().skip(1).filter(|arm| !is_null(measurement, &arm.name))
}

/// The noise floor's effect on a metric.
pub(crate) fn null_effect(measurement: &Measurement, metric: Metric) -> Option<&Effect> {
    measurement.null.iter().flat_map(|null| &null.effects).find(|effect| effect.metric == metric.name())
}
