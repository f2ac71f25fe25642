//! Drawings: a canvas with fixed number formats, so that the same values give the same bytes. Colours come from the
//! classes of the page's style sheet.

mod scale;

use crate::element::{Element, coordinate, element};
pub(crate) use scale::Scale;

/// The space for a drawing. Each figure is drawn in both sizes; the page shows the one that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DrawingSize {
    /// A telephone, or a narrow column.
    Narrow,
    /// Everything else.
    Wide,
}

/// The side of a text on which its point lies.
#[derive(Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing in progress. x grows to the right and y downwards.
pub(crate) struct Canvas {
    width: f64,
    height: f64,
    group: Element,
}

impl DrawingSize {
    pub(crate) fn name(self) -> &'static str {
        match self {
            DrawingSize::Narrow => "narrow",
            DrawingSize::Wide => "wide",
        }
    }

    /// Width of a drawing, in units that are pixels unless the drawing is scaled.
    pub(crate) fn width(self) -> f64 {
        match self {
            DrawingSize::Narrow => 360.0,
            DrawingSize::Wide => 680.0,
        }
    }
}

impl Canvas {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self { width, height, group: element("g") }
    }

    pub(crate) fn put(&mut self, shape: Element) {
        let group = std::mem::replace(&mut self.group, element("g"));
        self.group = group.put(shape);
    }

    pub(crate) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        self.put(element("line").class(class).at([("x1", from.0), ("y1", from.1), ("x2", to.0), ("y2", to.1)]));
    }

    pub(crate) fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = element("text").class(class).at([("x", at.0), ("y", at.1)]).with("text-anchor", anchor).text(text);
        self.put(text);
    }

    /// A continuous line through points.
    pub(crate) fn path(&mut self, class: &str, points: &[(f64, f64)]) {
        self.put(path(class, points));
    }

    /// The drawing as an image with a title and a description.
    pub(crate) fn finish(self, id: &str, title: &str, description: &str) -> Element {
        let view = format!("0 0 {} {}", coordinate(self.width), coordinate(self.height));
        element("svg")
            .with("xmlns", "http://www.w3.org/2000/svg")
            .with("viewBox", view)
            .with("role", "img")
            .with("aria-labelledby", format!("{id}-title {id}-description"))
            .put(element("title").with("id", format!("{id}-title")).text(title))
            .put(element("desc").with("id", format!("{id}-description")).text(description))
            .put(self.group)
    }
}

/// A rectangle, given its corner and its size.
pub(crate) fn rectangle(class: &str, corner: (f64, f64), extent: (f64, f64)) -> Element {
    let (width, height) = (extent.0.max(0.0), extent.1.max(0.0));
    element("rect").class(class).at([("x", corner.0), ("y", corner.1), ("width", width), ("height", height)])
}

/// A line through points.
pub(crate) fn path(class: &str, points: &[(f64, f64)]) -> Element {
    let steps = points.iter().enumerate().map(|(index, (x, y))| {
        let letter = if index == 0 { 'M' } else { 'L' };
        format!("{letter}{} {}", coordinate(*x), coordinate(*y))
    });
    element("path").class(class).with("d", steps.collect::<String>())
}

#[cfg(test)]
mod tests;
