use super::*;

/// Checks the URL that a push to `endpoint` uses, or the error.
fn check(endpoint: &str, protocol: PushProtocol, expect: &str) {
    let place = receiver(endpoint, protocol).map_or_else(|error| error.to_string(), |uri| uri.to_string());
    assert_eq!(place, expect, "{endpoint}");
}

#[test]
fn receivers_are_found_where_otlp_has_them() {
    check("http://collector:4318", PushProtocol::Http, "http://collector:4318/v1/metrics");
    check("https://collector/", PushProtocol::Http, "https://collector/v1/metrics");
    check(
        "http://prometheus:9090/api/v1/otlp/v1/metrics",
        PushProtocol::Http,
        "http://prometheus:9090/api/v1/otlp/v1/metrics",
    );
    check(
        "http://[::1]:4317",
        PushProtocol::Grpc,
        "http://[::1]:4317/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    );
    check(
        "http://collector:4317/v1",
        PushProtocol::Grpc,
        "`http://collector:4317/v1` has a path, but gRPC allows none",
    );
    for endpoint in ["collector:4317", "ftp://collector", "", "http://", "/v1/metrics", "two words"] {
        check(endpoint, PushProtocol::Http, &format!("`{endpoint}` is not the URL of a receiver"));
    }
}

#[cfg(feature = "otlp")]
#[test]
fn headers_that_http_cannot_carry_are_refused() {
    let push = |name: &str, value: &str| {
        let headers = [(name.to_owned(), value.to_owned())];
        Push::new("http://collector", PushProtocol::Http, Duration::from_secs(1), &headers).map(drop)
    };
    assert_eq!(push("x-api-key", "a b"), Ok(()));
    assert_eq!(push("x api key", "a"), Err(PushError::Header("x api key".to_owned())));
    assert_eq!(push("x-api-key", "a\nb"), Err(PushError::Header("x-api-key".to_owned())));
}

#[cfg(feature = "otlp")]
#[test]
fn waits_grow_with_failures_up_to_the_interval() {
    let check = |interval_s: u64, failures: u64, expect_s: f64| {
        let waited_s = wait(Duration::from_secs(interval_s), failures, None).as_secs_f64();
        assert!((0.8 * expect_s..=1.2 * expect_s).contains(&waited_s), "{waited_s}");
        assert!(waited_s <= interval_s as f64, "{waited_s}");
    };
    assert_eq!(wait(Duration::from_secs(7), 0, None), Duration::from_secs(7));
    check(10, 1, 1.0);
    check(20, 4, 8.0);
    check(10, 5, 10.0);
    check(10, 400, 10.0);
    check(600, 400, 600.0);
}

#[cfg(feature = "otlp")]
#[test]
fn pauses_are_asked_for_in_seconds_or_until_a_date() {
    let of = |text: &str| {
        let value = HeaderValue::from_str(text).unwrap();
        send::pause(&[(hyper::header::RETRY_AFTER, value)].into_iter().collect())
    };
    assert_eq!(of("120"), Some(Duration::from_secs(120)));
    assert_eq!(of(" 0 "), Some(Duration::ZERO));
    let date = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(300));
    assert!((290..=300).contains(&of(&date).unwrap().as_secs()), "{date}");
    assert_eq!(of("Wed, 21 Oct 2015 07:28:00 GMT"), None, "it is over");
    assert_eq!(of("soon"), None);
}

#[cfg(feature = "otlp")]
#[test]
fn a_receiver_that_asks_for_a_pause_has_it() {
    let of = |pause_s| wait(Duration::from_secs(10), 1, Some(Duration::from_secs(pause_s))).as_secs();
    assert_eq!(of(120), 120);
    assert_eq!(of(1_000_000), 3_600, "within reason");
    assert!(of(0) <= 2, "no less than otherwise");
}

#[cfg(feature = "otlp")]
#[test]
fn metrics_are_counted_in_what_their_names_say() {
    let check = |name, unit| assert_eq!(message::unit(name), unit, "{name}");
    check("istio_tcp_sent_bytes_total", "By");
    check("meshtax_agent_resident_memory_bytes", "By");
    check("meshtax_tcp_rtt_seconds", "s");
    check("meshtax_dns_latency_seconds", "s");
    check("istio_tcp_connections_opened_total", "{connection}");
    check("meshtax_tcp_connections_open", "{connection}");
    check("meshtax_tcp_accept_queue_length", "");
}

#[cfg(feature = "otlp")]
#[test]
fn labels_are_pushed_by_the_names_of_the_semantic_conventions() {
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;

    let mut queue = Family::new("meshtax_tcp_accept_queue_length", MetricKind::Gauge, "Connections that wait.");
    let labels =
        ["workload", "server_port", "network_transport", "network_io_direction", "container_id", "k8s_pod_uid"];
    queue.add(labels.map(|label| (label, "80".into())).to_vec(), 1.0);
    queue.add(vec![("server_port", "other".into())], 2.0);
    let pushed = message::Resource::of_this_host().request(&[queue]);
    let Some(Data::Gauge(gauge)) = &pushed.resource_metrics[0].scope_metrics[0].metrics[0].data else { panic!() };
    let attributes = gauge.data_points.iter().flat_map(|point| &point.attributes);
    let told: Vec<String> = attributes
        .map(|attribute| {
            format!("{} {:?}", attribute.key, attribute.value.as_ref().and_then(|value| value.value.as_ref()).unwrap())
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    server.port StringValue("other")
    workload StringValue("80")
    server.port IntValue(80)
    network.transport StringValue("80")
    network.io.direction StringValue("80")
    container.id StringValue("80")
    k8s.pod.uid StringValue("80")
    "#);
}
