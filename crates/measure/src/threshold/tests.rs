use super::*;

fn check(text: &str, expected: Result<(Metric, f64), &str>) {
    let told = text.parse::<Until>().map(|until| (until.metric, until.half_width));
    assert_eq!(told.map_err(|error| error.to_string()), expected.map_err(str::to_owned), "{text}");
}

#[test]
fn rules_are_read() {
    check("latency_ms_p50<2%", Ok((Metric::LatencyMsP50, 0.02)));
    check(" cpu_ms_per_request < 0.5 % ", Ok((Metric::CpuMsPerRequest, 0.005)));
    check("latency_ms_p50", Err("`latency_ms_p50` has no `<`"));
    check("latency_ms_p50>2%", Err("`latency_ms_p50>2%` has no `<`"));
    check("p50<2%", Err("`p50` is not a metric"));
    check("cpu_peak_cores<2%", Err("`cpu_peak_cores` has no interval"));
    check("latency_ms_p50<2", Err("`2` is not a percentage"));
    check("latency_ms_p50<inf%", Err("`inf%` is not a percentage"));
    check("latency_ms_p50<0%", Err("`latency_ms_p50<0%` is not a percentage"));
}

#[test]
fn rules_are_written_as_they_are_read() {
    for text in ["latency_ms_p50<2%", "latency_ms_mean<7%", "cpu_ms_per_request<0.25%"] {
        assert_eq!(text.parse::<Until>().unwrap().to_string(), text);
    }
}
