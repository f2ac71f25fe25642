use similar::{Algorithm, TextDiff};

/// Number of unchanged lines around each change.
const CONTEXT: usize = 3;

/// How one file of a sidecar differs from that of another arm, as a unified diff; empty if nothing differs.
///
/// `from` and `to` are the name and the text of each file.
pub fn difference(from: (&str, &str), to: (&str, &str)) -> String {
    // This algorithm first matches lines that appear once on both sides, so thousands of new lines cost only their
    // number.
    let changes = TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(from.1, to.1);
    changes.unified_diff().context_radius(CONTEXT).header(from.0, to.0).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_both_files_and_what_changed() {
        let of = |text| difference(("planes/a/x", "one\ntwo\nthree\n"), ("planes/b/x", text));
        assert_eq!(of("one\ntwo\nthree\n"), "");
        let change = "--- planes/a/x\n+++ planes/b/x\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n";
        assert_eq!(of("one\n2\nthree\n"), change);
    }
}
