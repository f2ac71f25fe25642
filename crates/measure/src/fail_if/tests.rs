use super::*;

fn effect(ratio: Option<f64>, ends: Option<[f64; 2]>, difference: Option<f64>) -> Effect {
    Effect { ratio, ratio_ci95: ends, difference, ..Effect::default() }
}

#[test]
fn an_interval_must_lie_above_as_a_whole() {
    let check = |change: &str, effect: Effect, finding| {
        let fail_if: FailIf = format!("cpu_ms_per_request>{change}").parse().unwrap();
        assert_eq!(fail_if.judge(&effect), finding, "{change} {effect:?}");
    };
    check("+5%", effect(Some(1.2), Some([1.1, 1.3]), Some(2.0)), Finding::Above);
    check("5%", effect(Some(1.2), Some([1.04, 1.36]), Some(2.0)), Finding::Undecided);
    check("+5%", effect(Some(1.04), Some([0.9, 1.2]), Some(0.4)), Finding::Within);
    check("+5%", effect(Some(1.2), None, Some(2.0)), Finding::Above);
    check("-10%", effect(Some(0.95), Some([0.94, 0.96]), Some(-0.5)), Finding::Above);
    check("+5%", effect(None, None, None), Finding::Missing);
    check("+5%", effect(None, None, Some(0.1)), Finding::Above);
    check("+5%", effect(None, None, Some(0.0)), Finding::Within);
    check("-1%", effect(None, None, Some(0.0)), Finding::Above);
}

#[test]
fn what_is_printed_is_read_again() {
    for text in [
        "cpu_proxy_ms_per_request>+5%",
        "latency_ms_p99>+0.1%",
        "memory_idle_mib>-7%",
        "errors>+0%",
        "sidecar:latency_ms_p50>+5%",
        "sidecar/none:latency_ms_p50>+5%",
    ] {
        let fail_if: FailIf = text.parse().unwrap();
        assert_eq!(fail_if.to_string(), text);
    }
    for text in ["latency_ms_p50<5%", "latency>5%", "latency_ms_p50>5", "latency_ms_p50>%", "latency_ms_p50>inf%"] {
        assert!(text.parse::<FailIf>().is_err(), "{text}");
    }
    let check = |text: &str, error: &str, hint: &str| {
        let refusal = text.parse::<FailIf>().unwrap_err();
        assert_eq!(refusal.to_string(), error);
        assert!(refusal.hint().starts_with(hint), "{}", refusal.hint());
    };
    check("latency>5%", "`latency` is not a metric", "metrics are latency_ms_mean, latency_ms_p50, ");
    check("sidecar:p50>5%", "`p50` is not a metric", "metrics are ");
    check(":latency_ms_p50>5%", "`` names no arm", "write `ARM:`");
    check("a/b/c:latency_ms_p50>5%", "`a/b/c` names no arm", "write `ARM:`");
    check("a/:latency_ms_p50>5%", "`a/` names no arm", "write `ARM:`");
}
