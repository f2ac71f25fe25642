use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use attribution::{Family, Labels, MetricKind, SampleValue};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1 as wire;

/// The only attribute that is a number in the semantic conventions.
const SERVER_PORT: &str = "server.port";

/// The source of the metrics, and when its counters started.
pub(super) struct Resource {
    attributes: Vec<KeyValue>,
    begun_ns: u64,
}

/// Start and end of the time that a point covers, in nanoseconds since 1970.
#[derive(Clone, Copy)]
struct Times {
    begun_ns: u64,
    now_ns: u64,
}

impl Resource {
    /// Returns this process as the source. Its counters start now.
    pub fn of_this_host() -> Self {
        let host = nix::unistd::gethostname().unwrap_or_default();
        let attributes = vec![
            attribute("service.name", "meshtax-agent"),
            attribute("service.version", env!("CARGO_PKG_VERSION")),
            attribute("host.name", &host.to_string_lossy()),
        ];
        Self { attributes, begun_ns: now_ns() }
    }

    /// Returns a request with all families, cumulative. The metrics have the same names as in a scrape.
    pub fn request(&self, families: &[Family]) -> ExportMetricsServiceRequest {
        let times = Times { begun_ns: self.begun_ns, now_ns: now_ns() };
        let told = families.iter().filter(|family| !family.series.is_empty());
        let scope = ScopeMetrics {
            scope: Some(InstrumentationScope { name: "meshtax".to_owned(), ..Default::default() }),
            metrics: told.map(|family| metric(family, times)).collect(),
            ..Default::default()
        };
        let resource = wire::Resource { attributes: self.attributes.clone(), ..Default::default() };
        let metrics = ResourceMetrics { resource: Some(resource), scope_metrics: vec![scope], ..Default::default() };
        ExportMetricsServiceRequest { resource_metrics: vec![metrics] }
    }
}

fn metric(family: &Family, times: Times) -> Metric {
    let cumulative = AggregationTemporality::Cumulative.into();
    let data = match family.kind {
        MetricKind::Counter => metric::Data::Sum(Sum {
            data_points: numbers(family, times),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        MetricKind::Gauge => metric::Data::Gauge(Gauge { data_points: numbers(family, times) }),
        MetricKind::Histogram => {
            let data_points = histograms(family, times);
            metric::Data::Histogram(Histogram { data_points, aggregation_temporality: cumulative })
        }
    };
    Metric {
        name: family.name.clone().into_owned(),
        description: family.help.to_owned(),
        unit: unit(&family.name).to_owned(),
        data: Some(data),
        ..Default::default()
    }
}

/// Returns the UCUM unit of a metric, derived from its name. Counted things stand in braces.
pub(super) fn unit(name: &str) -> &'static str {
    const UNITS: [(&str, &str); 10] = [
        ("_bytes", "By"),
        ("_seconds", "s"),
        ("_segments", "{segment}"),
        ("_datagrams", "{datagram}"),
        ("_queries", "{query}"),
        ("_bytes_connections", "{connection}"),
        ("_connections_opened", "{connection}"),
        ("_connections_closed", "{connection}"),
        ("_connections_aborted", "{connection}"),
        ("_connections_open", "{connection}"),
    ];
    let name = name.strip_suffix("_total").unwrap_or(name);
    UNITS.iter().find(|(end, _)| name.ends_with(end)).map_or("", |(_, unit)| unit)
}

fn numbers(family: &Family, times: Times) -> Vec<NumberDataPoint> {
    // A gauge has no start time.
    let start_time_unix_nano = if family.kind == MetricKind::Gauge { 0 } else { times.begun_ns };
    let point = |(labels, value): (&Arc<Labels>, &SampleValue)| match value {
        SampleValue::Number(number) => Some(NumberDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano,
            time_unix_nano: times.now_ns,
            value: Some(number_data_point::Value::AsDouble(*number)),
            ..Default::default()
        }),
        SampleValue::Histogram { .. } => None,
    };
    family.series.iter().filter_map(point).collect()
}

fn histograms(family: &Family, times: Times) -> Vec<HistogramDataPoint> {
    let point = |(labels, value): (&Arc<Labels>, &SampleValue)| match value {
        SampleValue::Histogram { bounds, counts, sum } => Some(HistogramDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: times.begun_ns,
            time_unix_nano: times.now_ns,
            count: counts.iter().sum(),
            sum: Some(*sum),
            bucket_counts: counts.clone(),
            explicit_bounds: bounds.clone(),
            ..Default::default()
        }),
        SampleValue::Number(_) => None,
    };
    family.series.iter().filter_map(point).collect()
}

fn attributes(labels: &Labels) -> Vec<KeyValue> {
    labels.iter().map(|(label, value)| attribute(convention(label), value)).collect()
}

/// Returns OpenTelemetry's name of a label, which Prometheus' format writes without dots.
fn convention(label: &'static str) -> &'static str {
    match label {
        "network_transport" => "network.transport",
        "network_io_direction" => "network.io.direction",
        "server_port" => SERVER_PORT,
        "container_id" => "container.id",
        "k8s_pod_uid" => "k8s.pod.uid",
        own => own,
    }
}

fn attribute(name: &str, value: &str) -> KeyValue {
    let value = match value.parse() {
        Ok(port) if name == SERVER_PORT => any_value::Value::IntValue(port),
        _ => any_value::Value::StringValue(value.to_owned()),
    };
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..Default::default() }
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
