//! An arm that the kernel witness watches.

use serde_json::Value;
use testbed::Run;

#[test]
fn a_watched_arm_is_seen_to_the_byte_while_it_is_under_load() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("watched.yaml");
    let experiment = "{name: watched, topology: pair, arms: {none: {plane: none}, ebpf: {plane: none, watch: on}}, \
                      load: {sequential: {target: \"http://front:8080/\", requests: 60, connection: new}}, \
                      warmup: 5, rounds: 6, stands: 1, idle: {windows: 8, window: 50ms}}";
    std::fs::write(&file, experiment).unwrap();
    let run = Run::perform(&[&file.to_string_lossy()]);
    let sights: Vec<Value> = run.file("probe.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(sights.len(), 6);
    for sight in sights {
        assert_eq!(sight["arm"], "ebpf");
        // Ten requests from the client, with two ends per connection. The front may keep its connection to the back.
        assert!(sight["opened"].as_u64().unwrap() >= 20, "{sight}");
        assert!(sight["sent_bytes"].as_u64().unwrap() > 0, "{sight}");
        // Both ends of every connection are in the arm, and nothing is in flight at the edges of a block.
        assert_eq!(sight["sent_bytes"], sight["received_bytes"], "{sight}");
    }
    let told: Vec<&Value> = run.measurement["telemetry"].as_array().unwrap().iter().collect();
    let connections = told.iter().find(|told| told["signal"] == "connections").unwrap();
    assert!(connections["arm"] == "ebpf" && connections["seen"].as_f64().unwrap() >= 120.0, "{connections}");
    assert_eq!(connections["seen"], connections["truth"], "as the pods' own kernels count them");
    let failed = told.iter().find(|told| told["signal"] == "failed_opens").unwrap();
    assert_eq!((&failed["seen"], &failed["truth"]), (&0.0.into(), &0.0.into()), "as those count them, too");
    check_what_programs_took(&run);
}

/// Checks the programs' time, which is measured separately, on requests that no other figure includes.
fn check_what_programs_took(run: &Run) {
    assert!(run.arm("none")["programs"].is_null() && run.metric("ebpf", "requests") == 60.0);
    let programs = &run.arm("ebpf")["programs"];
    // Each request opens and closes a connection, at both ends.
    assert!(programs["requests"] == 60 && programs["runs_per_request"].as_f64().unwrap() >= 4.0, "{programs}");
    let took_ms = programs["cpu_ms_per_request"].as_f64().unwrap();
    assert!(0.0 < took_ms && took_ms < run.metric("ebpf", "cpu_ms_per_request"), "{programs}");
    let facts: Value = serde_json::from_str(&run.file("facts.json")).unwrap();
    let names: Vec<&Value> = facts["programs"].as_array().unwrap().iter().map(|facts| &facts["program"]).collect();
    assert!(names.contains(&&Value::from("on_state")), "{facts}");
    assert!(run.file("report.txt").contains("arm `ebpf`: the kernel witness's programs ran"));
    assert!(run.file("report.html").contains("strip-within"));
}
