use crate::element::{Element, element};

/// A table that folds into cards on narrow screens. Roles are written out, because folding removes them.
pub(crate) struct HtmlTable {
    columns: Vec<String>,
    body: Element,
}

impl HtmlTable {
    /// A table with a caption and the titles of its columns; the first column names the rows.
    pub(crate) fn new(columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        Self { columns, body: element("tbody").with("role", "rowgroup") }
    }

    /// Adds a row that is the title of those below it.
    pub(crate) fn group(mut self, title: &str) -> Self {
        let cell = element("th").with("scope", "colgroup").with("role", "rowheader");
        let cell = cell.with("colspan", self.columns.len()).text(title);
        self.body = self.body.put(element("tr").class("group").with("role", "row").put(cell));
        self
    }

    /// Adds a row: its name, then its figures.
    pub(crate) fn row(mut self, name: &str, cells: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let head = element("th").with("scope", "row").with("role", "rowheader").text(name);
        let titles = self.columns.iter().skip(1);
        let cells = titles.zip(cells).map(|(title, cell)| {
            let cell = cell.as_ref();
            let empty = if cell.is_empty() { "empty" } else { "" };
            element("td").with("role", "cell").class(empty).with("data-label", title).text(cell)
        });
        let row = element("tr").with("role", "row").put(head).puts(cells);
        self.body = self.body.put(row);
        self
    }

    /// The table under its caption.
    pub(crate) fn finish(self, caption: &str) -> Element {
        let titles = self
            .columns
            .iter()
            .map(|title| element("th").with("scope", "col").with("role", "columnheader").text(title));
        let head = element("tr").with("role", "row").puts(titles);
        element("table")
            .with("role", "table")
            .put(element("caption").text(caption))
            .put(element("thead").with("role", "rowgroup").put(head))
            .put(self.body)
    }
}
