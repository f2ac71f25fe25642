use crate::element::{Element, element};
use crate::svg::{Canvas, DrawingSize};

/// A drawing with its words and its numbers.
pub(crate) struct Figure<'a> {
    /// Name within the page.
    pub(crate) id: String,
    pub(crate) title: &'a str,
    /// How to read it: shown to all, and the description for those who hear it.
    pub(crate) note: &'a str,
    /// Looks of the arms in it.
    pub(crate) legend: Option<Element>,
    /// The same numbers in rows.
    pub(crate) table: Option<Element>,
}

impl Figure<'_> {
    /// Draws it for every size, of which the page shows one.
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
