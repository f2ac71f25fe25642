use serde_saphyr::Spanned;
use topology::Mistake;

/// Checks a name that is printed in lines and headings.
pub fn name_of(name: &Spanned<String>) -> Result<String, Mistake> {
    let (text, place) = (name.value.trim(), name.referenced);
    if text.is_empty() {
        return Err(Mistake::at(place, "the name is empty", "write a word or two that say what is compared"));
    }
    if text.contains(is_unseen) {
        let what = format!("the name `{}` has characters that cannot be seen", text.escape_debug());
        return Err(Mistake::at(place, what, "write it on one line, with letters, digits and punctuation"));
    }
    Ok(text.to_owned())
}

/// Whether a character moves the cursor, or changes the direction of text (Unicode's property `Bidi_Control`).
fn is_unseen(letter: char) -> bool {
    let turns =
        matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || turns
}
