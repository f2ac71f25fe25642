//! Printed schemas are valid, and printed data obeys them.

use serde_json::Value;

use super::prints;
use crate::recorded::Recorded;

/// Checks that the output of `meshtax ARGUMENTS` obeys the schema of `kind`.
fn check(kind: &str, arguments: &[&str]) {
    let schema: Value = serde_json::from_str(&prints(&["schema", kind])).expect("a schema is JSON");
    jsonschema::meta::validate(&schema).expect("a schema is a schema");
    let printed = serde_json::from_str(&prints(arguments)).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator.iter_errors(&printed).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{kind}: {faults:#?}");
}

#[test]
fn what_is_printed_obeys_its_schema() {
    let run = Recorded::default().write();
    check("measurement", &["report", run.argument(), "--json"]);
    check("comparison", &["compare", run.argument(), run.argument(), "--json"]);
}

/// The schema of comparisons is kept in a file, where its changes are seen.
#[test]
fn the_schema_of_comparisons_is_the_one_that_is_kept() {
    let kept = include_str!("../../../../../schemas/comparison.json");
    assert_eq!(
        prints(&["schema", "comparison"]),
        kept,
        "see the change: meshtax schema comparison > schemas/comparison.json"
    );
}

/// The schemas of files that users write are checked beside their readers; here only that they are printed.
#[test]
fn every_kind_is_printed() {
    for (kind, title) in [
        ("agent", "meshtax agent"),
        ("experiment", "meshtax experiment"),
        ("topology", "meshtax topology"),
        ("measurement", "Measurement"),
    ] {
        let schema: Value = serde_json::from_str(&prints(&["schema", kind])).unwrap();
        assert_eq!(schema["title"], title);
    }
    assert_eq!(prints(&["schema"]), prints(&["schema", "measurement"]));
}
