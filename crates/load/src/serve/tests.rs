use super::*;

#[test]
fn other_lines_end_the_role() {
    for line in ["", "go", r#"{"sequential":{"target":"https://a/"}}"#] {
        let error = serve(io::Cursor::new(format!("{line}\n")), io::sink()).unwrap_err();
        assert!(matches!(error, ServeError::Order(told) if told.line == line));
    }
}
