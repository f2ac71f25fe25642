use std::borrow::Cow;

/// Returns the text in a form that is safe for a terminal. Letters that would move the cursor, change colours or
/// reverse the text are escaped as in JSON: `\u001b`. Line breaks and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    written_out(text, |letter| !matches!(letter, '\n' | '\t'))
}

/// Returns the text in a form that is safe within one line of a terminal. Line breaks and tabs are escaped as well.
pub(crate) fn visible_part(text: &str) -> Cow<'_, str> {
    written_out(text, |_| true)
}

/// Returns whether a letter can change what a terminal shows: Unicode's control characters and the bidirectional
/// formatting characters (UAX #9, section 2).
fn is_hidden(letter: char) -> bool {
    let turns =
        matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || turns
}

fn written_out(text: &str, where_asked: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_written_out = |letter: char| is_hidden(letter) && where_asked(letter);
    if !text.contains(is_written_out) {
        return text.into();
    }
    let mut visible = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_written_out(letter) {
            visible += &format!("\\u{:04x}", u32::from(letter));
        } else {
            visible.push(letter);
        }
    }
    visible.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(visible("x\x1b[2J\x1b]0;owned\x07\u{9b}31m"), "x\\u001b[2J\\u001b]0;owned\\u0007\\u009b31m");
        assert_eq!(visible("abc\u{202e}cba\r\x7f"), "abc\\u202ecba\\u000d\\u007f");
        assert_eq!(visible("lines\n\tand columns, ± µ … 名"), "lines\n\tand columns, ± µ … 名");
        assert_eq!(visible_part("one\nline\tand no more"), "one\\u000aline\\u0009and no more");
        assert!(matches!(visible("plain"), Cow::Borrowed("plain")));
    }

    /// JSON stays JSON, and says the same.
    #[test]
    fn json_means_what_it_meant() {
        let told = serde_json::json!({"comm": "a\u{202e}b\u{9b}\x1b\n"});
        let printed = visible(&told.to_string()).into_owned();
        assert!(!printed.contains(is_hidden));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).unwrap(), told);
    }
}
