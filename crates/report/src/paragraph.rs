/// The width of a report in columns.
pub(crate) const WIDTH: usize = 80;

/// A space at which [`paragraph`] never breaks a line.
const GLUE: char = '\u{a0}';

/// Text in lines of at most [`WIDTH`] characters, as far as its words allow, each ended by a line feed. Every line
/// except the first starts with `hang` spaces.
pub(crate) fn paragraph(text: &str, hang: usize) -> String {
    let mut paragraph = String::new();
    let mut column = 0;
    for word in text.split([' ', '\n']).filter(|word| !word.is_empty()) {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > WIDTH {
            paragraph.push('\n');
            paragraph.extend(std::iter::repeat_n(' ', hang));
            column = hang;
        } else if column > 0 {
            paragraph.push(' ');
            column += 1;
        }
        paragraph.push_str(word);
        column += width;
    }
    paragraph.push('\n');
    paragraph.replace(GLUE, " ")
}

/// Text that a paragraph keeps on one line.
pub(crate) fn glued(text: &str) -> String {
    text.replace(' ', &GLUE.to_string())
}
