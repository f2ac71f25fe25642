//! OTLP pushes carry exactly the bytes that were moved, as OTLP's own receivers read them.

mod receiver;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Metric, NumberDataPoint, metric::Data, number_data_point::Value,
};

use receiver::Receiver;
use std::time::{Duration, Instant};
use testbed::{Moved, Namespace, Peer, V4, Watching, binary, insist_on_root, meshtax, of_clients, own_service, scrape};

/// Starts an agent that pushes to `receiver` by `protocol`, as often as possible.
fn agent_of(receiver: &Receiver, protocol: &str) -> Watching {
    agent_that_trusts(None, "http", receiver, protocol)
}

/// Starts such an agent, which trusts this authority instead of the machine's.
fn agent_that_trusts(authority: Option<&str>, scheme: &str, receiver: &Receiver, protocol: &str) -> Watching {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("agent.yaml");
    let text = format!(
        "{{listen: \"127.0.0.1:0\", otlp: {{endpoint: \"{scheme}://{}\", protocol: {protocol}, interval: 50ms, \
         headers: {{X-Tenant: blue}}}}}}",
        receiver.place()
    );
    std::fs::write(&file, text).unwrap();
    let mut command = meshtax();
    command.arg("agent").arg("--config").arg(&file);
    if let Some(authority) = authority {
        std::fs::write(home.path().join("ca.crt"), authority).unwrap();
        command.env("SSL_CERT_FILE", home.path().join("ca.crt"));
    }
    Watching::of(command)
}

fn attribute<'a>(attributes: &'a [KeyValue], name: &str) -> &'a str {
    let found = attributes.iter().find(|attribute| attribute.key == name);
    match found.and_then(|found| found.value.as_ref()).and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text,
        other => panic!("no {name}: {other:?}"),
    }
}

fn metrics(pushed: &ExportMetricsServiceRequest) -> impl Iterator<Item = &Metric> {
    pushed.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics).flat_map(|scope| &scope.metrics)
}

/// Returns the points of a counter that clients of `port` report.
fn points<'a>(pushed: &'a ExportMetricsServiceRequest, name: &str, port: u16) -> Vec<&'a NumberDataPoint> {
    let service = own_service(port);
    let Some(metric) = metrics(pushed).find(|metric| metric.name == name) else { return Vec::new() };
    let Some(Data::Sum(sum)) = &metric.data else { panic!("{name} is no sum") };
    assert_eq!(metric.unit, if name.ends_with("_bytes_total") { "By" } else { "{connection}" });
    assert!(sum.is_monotonic);
    assert_eq!(sum.aggregation_temporality(), AggregationTemporality::Cumulative);
    let of_client = |point: &&NumberDataPoint| {
        attribute(&point.attributes, "reporter") == "source"
            && attribute(&point.attributes, "destination_service") == service
    };
    sum.data_points.iter().filter(of_client).collect()
}

fn sum(pushed: &ExportMetricsServiceRequest, name: &str, port: u16) -> u64 {
    let value = |point: &&NumberDataPoint| match point.value {
        Some(Value::AsDouble(number)) => number as u64,
        other => panic!("{other:?}"),
    };
    points(pushed, name, port).iter().map(value).sum()
}

fn check(protocol: &str) {
    insist_on_root();
    let receiver = Receiver::begin();
    let server = Peer::listen(V4);
    let agent = agent_of(&receiver, protocol);
    let first = receiver.next();
    let moved: Vec<Moved> = (1..=23).map(|n| server.exchange(n * 1_000, n * 10_000, |_| ())).collect();
    let (up, down) = moved.iter().fold((0, 0), |(up, down), moved| (up + moved.up, down + moved.down));
    let told = |pushed: &ExportMetricsServiceRequest| {
        let sum = |name| sum(pushed, name, server.port());
        (
            sum("istio_tcp_received_bytes_total"),
            sum("istio_tcp_sent_bytes_total"),
            sum("istio_tcp_connections_closed_total"),
        )
    };
    let mut pushed = receiver.next();
    while told(&pushed.message) < (up, down, 23) {
        pushed = receiver.next();
    }
    assert_eq!(told(&pushed.message), (up, down, 23));
    assert_eq!(of_clients(&scrape(&agent.place()), "istio_tcp_received_bytes_total", server.port()), up);

    assert_eq!(pushed.tenant, "blue");
    let resource = pushed.message.resource_metrics[0].resource.as_ref().unwrap();
    assert_eq!(attribute(&resource.attributes, "service.name"), "meshtax-agent");
    let host = nix::unistd::gethostname().unwrap();
    assert_eq!(attribute(&resource.attributes, "host.name"), host.to_string_lossy());
    let point = points(&pushed.message, "istio_tcp_sent_bytes_total", server.port())[0];
    assert!(point.start_time_unix_nano > 0 && point.start_time_unix_nano < point.time_unix_nano);
    let began = |pushed: &ExportMetricsServiceRequest| {
        let costs = metrics(pushed).find(|metric| metric.name == "meshtax_agent_cpu_seconds_total");
        let Some(Data::Sum(sum)) = &costs.unwrap().data else { panic!("no sum") };
        sum.data_points[0].start_time_unix_nano
    };
    assert_eq!(began(&first.message), began(&pushed.message), "counters have one begin");

    let rtt = metrics(&pushed.message).find(|metric| metric.name == "meshtax_tcp_rtt_seconds").unwrap();
    let Some(Data::Histogram(rtt)) = &rtt.data else { panic!("{rtt:?}") };
    for point in &rtt.data_points {
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
        assert_eq!(attribute(&point.attributes, "network.transport"), "tcp");
    }
}

#[test]
fn what_is_pushed_over_http_is_what_was_moved() {
    check("http");
}

#[test]
fn what_is_pushed_over_grpc_is_what_was_moved() {
    check("grpc");
}

#[test]
fn secrets_go_to_receivers_with_a_trusted_certificate_only() {
    insist_on_root();
    let made = || rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (own, other) = (made(), made());
    let receiver = Receiver::secret(&own);
    for protocol in ["http", "grpc"] {
        let server = Peer::listen(V4);
        let agent = agent_that_trusts(Some(&own.cert.pem()), "https", &receiver, protocol);
        let moved = server.exchange(54_321, 1, |_| ());
        while sum(&receiver.next().message, "istio_tcp_received_bytes_total", server.port()) != moved.up {}
        drop(agent);

        let mut agent = agent_that_trusts(Some(&other.cert.pem()), "https", &receiver, protocol);
        let word = agent.word();
        assert!(word.starts_with("cannot push: ") && word.contains("certificate"), "{word}");
        receiver.forget();
    }
}

#[test]
fn failures_are_counted_and_told_once_and_nothing_is_missing_afterwards() {
    insist_on_root();
    let receiver = Receiver::begin();
    for (protocol, told) in [("http", "503"), ("grpc", "gRPC status 14 closed")] {
        receiver.close(true);
        let server = Peer::listen(V4);
        let mut agent = agent_of(&receiver, protocol);
        let word = agent.word();
        assert!(word.starts_with("cannot push: the receiver answered ") && word.contains(told), "{word}");
        let moved = server.exchange(12_345, 1, |_| ());
        // Scrapes do not wait for pushes.
        let text = scrape(&agent.place());
        assert_eq!(of_clients(&text, "istio_tcp_received_bytes_total", server.port()), moved.up);
        let failures = text.lines().find_map(|line| line.strip_prefix("meshtax_agent_otlp_failures_total "));
        assert!(failures.unwrap().parse::<u64>().unwrap() >= 1, "{failures:?}");
        receiver.close(false);
        let word = agent.word();
        assert!(word.starts_with("pushing again after "), "{word}");
        let pushed = receiver.next();
        assert_eq!(sum(&pushed.message, "istio_tcp_received_bytes_total", server.port()), moved.up);
        agent.kill();
        receiver.forget();
    }
}

#[test]
fn a_receiver_whose_name_is_asked_for_in_vain_delays_no_end() {
    insist_on_root();
    let namespace = Namespace::new("nameless");
    namespace.inside(&["nft", "table ip t { chain c { type filter hook input priority 0; udp dport 53 drop; }; }"]);
    let home = tempfile::tempdir().unwrap();
    let [names, file] = ["resolv.conf", "agent.yaml"].map(|name| home.path().join(name).display().to_string());
    // The lookup would take two and a half minutes.
    std::fs::write(&names, "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n").unwrap();
    let text = "{listen: \"127.0.0.1:0\", otlp: {endpoint: \"http://collector.example:4318\", interval: 50ms}}";
    std::fs::write(&file, text).unwrap();
    let within = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
    let agent = [binary(), "agent", "--config", &file];
    let command = [&["unshare", "--mount", "sh", "-c", within, &names], &agent[..]].concat();
    let mut agent = Watching::of(namespace.command(&command));
    assert_eq!(agent.word(), "cannot push: no answer within 10 s; trying again\n");
    let asked = Instant::now();
    agent.end();
    assert!(asked.elapsed() < Duration::from_secs(60), "it waited for the name: {:?}", asked.elapsed());
}
