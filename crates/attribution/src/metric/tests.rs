use super::*;

fn families() -> Vec<Family> {
    let mut bytes = Family::new("sent_bytes_total", MetricKind::Counter, "Bytes sent.");
    bytes.add(vec![("pod", "a\"b".into())], 3.0);
    bytes.add(vec![("pod", "a\"b".into())], 4.0);
    let mut rtt = Family::new("rtt_seconds", MetricKind::Histogram, "Round-trip times.");
    rtt.add_counts(Vec::new(), &[0.5, 1.0], &[1, 2, 3], 9.5);
    vec![bytes, Family::new("empty", MetricKind::Gauge, "Nothing."), rtt]
}

#[test]
fn classic_text_is_what_promtool_reads() {
    assert_eq!(
        exposition(&families(), Exposition::Classic),
        "# HELP sent_bytes_total Bytes sent.\n# TYPE sent_bytes_total counter\nsent_bytes_total{pod=\"a\\\"b\"} 7\n\
         # HELP rtt_seconds Round-trip times.\n# TYPE rtt_seconds histogram\nrtt_seconds_bucket{le=\"0.5\"} 1\n\
         rtt_seconds_bucket{le=\"1\"} 3\nrtt_seconds_bucket{le=\"+Inf\"} 6\nrtt_seconds_sum 9.5\nrtt_seconds_count 6\n"
    );
}

#[test]
fn openmetrics_names_counters_without_their_suffix_and_says_where_it_ends() {
    let text = exposition(&families(), Exposition::OpenMetrics);
    assert!(text.starts_with("# HELP sent_bytes Bytes sent.\n# TYPE sent_bytes counter\nsent_bytes_total{"), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_scraper_has_the_form_it_asks_for() {
    let check = |accepted: &[&str], form| {
        assert_eq!(Exposition::negotiated(accepted.iter().copied()), form, "{accepted:?}");
    };
    check(&[], Exposition::Classic);
    for accept in [
        "*/*",
        "text/plain",
        "application/json",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text; q=0.0, */*",
        "application/openmetrics-text;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.5",
        "application/openmetrics-text;q=0.4, */*;q=0.5",
        "application/openmetrics-text;version=7.0.0",
        "application/openmetrics-text-like",
        "application/openmetrics-text;q=yes",
    ] {
        check(&[accept], Exposition::Classic);
    }
    for accept in [
        "application/openmetrics-text",
        "APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=1.000",
        "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
        "application/openmetrics-text;q=0.5, text/plain;q=0.4, */*;q=0.9",
        // Prometheus 3.
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;\
         q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
    ] {
        check(&[accept], Exposition::OpenMetrics);
    }
    check(&["text/plain;q=0.3", "application/openmetrics-text;q=0.7"], Exposition::OpenMetrics);
}
