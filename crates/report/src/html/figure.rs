use crate::element::{Element, element};
use crate::svg::{Canvas, DrawingSize};

/// A drawing with its text and its numbers.
pub(crate) struct Figure<'a> {
    /// Id within the page.
    pub(crate) id: String,
    pub(crate) title: &'a str,
    /// How to read it: visible to all, and the description for screen readers.
    pub(crate) note: &'a str,
    /// Legend of the arms in it.
    pub(crate) legend: Option<Element>,
    /// The same numbers as a table.
    pub(crate) table: Option<Element>,
}

impl Figure<'_> {
    /// Draws the figure in every size; the page shows one of them.
    pub(crate) fn drawn(self, draw: impl Fn(DrawingSize) -> Canvas) -> Element {
        let Figure { id, title, note, legend, table } = self;
        let drawing = |size: DrawingSize| {
            let name = format!("{id}-{}", size.name());
            element("div").class(&format!("drawing {}", size.name())).put(draw(size).finish(&name, title, note))
        };
        let caption = element("figcaption").put(element("h3").text(title)).put(element("p").prose(note)).puts(legend);
        let table =
            table.map(|table| element("details").put(element("summary").text("The numbers as a table")).put(table));
        element("figure")
            .with("id", &id)
            .put(caption)
            .puts([DrawingSize::Narrow, DrawingSize::Wide].map(drawing))
            .puts(table)
    }
}
