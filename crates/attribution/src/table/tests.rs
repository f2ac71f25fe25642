use serde_json::json;

use super::*;

const COLUMNS: [Column; 3] = [Column::words("PID", 5), Column::number("KB", 4), Column::words("POD", 1)];

fn line() -> Line {
    let facts = json!({ "pid": 7, "kb": 12.5, "pod": "a,b", "error": null });
    let Value::Object(facts) = facts else { unreachable!() };
    Line { facts, cells: vec!["7".to_owned(), "12".to_owned(), "a,b".to_owned()] }
}

fn check(form: LineForm, text: &str) {
    let mut printer = Printer::new(form, &COLUMNS);
    assert_eq!(printer.line(&line()) + &printer.line(&line()), text);
}

#[test]
fn text_has_columns_under_one_heading() {
    check(LineForm::Text, "PID     KB POD\n7       12 a,b\n7       12 a,b\n");
}

#[test]
fn json_is_an_object_a_line() {
    let object = "{\"pid\":7,\"kb\":12.5,\"pod\":\"a,b\",\"error\":null}\n";
    let mut keys: Vec<&str> = object.split('"').collect();
    keys.sort_unstable();
    let mut printer = Printer::new(LineForm::Json, &COLUMNS);
    let read: Value = serde_json::from_str(&printer.line(&line())).unwrap();
    assert_eq!(read, serde_json::from_str::<Value>(object).unwrap());
}

#[test]
fn csv_quotes_what_holds_a_comma() {
    let mut printer = Printer::new(LineForm::Csv, &COLUMNS);
    let text = printer.line(&line());
    assert_eq!(text.lines().count(), 2);
    assert!(text.contains("\"a,b\""), "{text}");
    assert_eq!(printer.line(&line()).lines().count(), 1);
}
