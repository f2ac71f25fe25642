use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::paragraph::WIDTH;

/// The most arms side by side in one grid. Further arms go into a grid below.
pub(crate) const ARMS_ABREAST: usize = 3;

/// The alignment of a column, and the spaces in front of it.
#[derive(Clone, Copy)]
pub(crate) struct GridColumn {
    alignment: CellAlignment,
    gap: u16,
}

impl GridColumn {
    /// A column of words.
    pub(crate) const LEFT: GridColumn = GridColumn { alignment: CellAlignment::Left, gap: 2 };
    /// A column of numbers.
    pub(crate) const RIGHT: GridColumn = GridColumn { alignment: CellAlignment::Right, gap: 2 };
    /// A column of words that belong to the column before it.
    pub(crate) const BESIDE: GridColumn = GridColumn { alignment: CellAlignment::Left, gap: 1 };
}

/// Rows of cells as text without borders, each line ended by a line feed. The first column holds labels and has no
/// entry in `columns`. Cells break into lines only if the whole would not fit.
pub(crate) fn grid(columns: &[GridColumn], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH as u16);
    table.add_rows(rows);
    let labels = GridColumn { alignment: CellAlignment::Left, gap: 0 };
    for (column, drawn) in std::iter::once(&labels).chain(columns).zip(table.column_iter_mut()) {
        drawn.set_cell_alignment(column.alignment);
        drawn.set_padding((column.gap, 0));
    }
    table.trim_fmt() + "\n"
}
