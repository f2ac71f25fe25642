//! The call graph: boxes of services, with the figures of every edge at its end.

mod layout;

use std::collections::BTreeSet;

use measure::Edge;
use topology::{CLIENT, Call, Endpoint, Service, Step, Topology, Version, Work};

use super::Page;
use super::figure::Figure;
use super::table::HtmlTable;
use crate::element::{Element, element};
use crate::figure::figure;
use crate::svg::{Anchor, Canvas, DrawingSize, rectangle};
use layout::{BoxPlace, place};

/// A service, or the client, as drawn.
struct ServiceBox<'a> {
    name: &'a str,
    port: String,
    /// Names of the pods, each with the requests that it counted.
    pods: Vec<String>,
    /// Edges that end here.
    arrivals: Vec<Arrival>,
    /// Number of hops from the client, along the shortest path.
    depth: usize,
}

/// An edge, drawn at its end.
struct Arrival {
    /// Position of the calling node.
    from: usize,
    /// The caller and the path.
    title: String,
    /// Calls and latency of each arm.
    told: String,
}

/// The call graph with the figures of each edge.
pub(crate) fn chart(page: &Page) -> Element {
    let nodes = nodes(page);
    let arms: Vec<&str> = page.measurement.arms.iter().map(|arm| arm.name.as_str()).collect();
    let note = format!(
        "Each box is a service with its pods and the requests that they received; in it, every edge that arrives, with \
         its median latency as the caller saw it. Figures stand in the order {}.",
        arms.join(" · ")
    );
    let figure = Figure {
        id: "graph".to_owned(),
        title: "Services and their edges",
        note: &note,
        legend: None,
        table: Some(table(page)),
    };
    figure.drawn(|size| draw(&nodes, size)).class("whole")
}

fn nodes<'a>(page: &'a Page) -> Vec<ServiceBox<'a>> {
    let topology = page.topology;
    let entry = topology.services.iter().position(|service| service.name == host(&page.measurement.experiment.target));
    let depths = depths(topology, entry);
    let client = ServiceBox { name: CLIENT, port: String::new(), pods: Vec::new(), arrivals: Vec::new(), depth: 0 };
    let services = topology.services.iter().zip(depths).enumerate().map(|(index, (service, depth))| {
        let mut arrivals = arrivals(page, service);
        if entry == Some(index) {
            let target = &page.measurement.experiment.target;
            let path = target.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
            arrivals.insert(0, Arrival { from: 0, title: format!("{CLIENT} /{path}"), told: requests(page) });
        }
        let pods = service.pods().map(|pod| pod_line(page, &pod.name())).collect();
        ServiceBox { name: &service.name, port: format!(":{}", service.port), pods, arrivals, depth }
    });
    std::iter::once(client).chain(services).collect()
}

/// The host of a URL, without the domain of a service's long name.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split([':', '/', '.']).next().unwrap_or_default()
}

/// Number of hops from the client to each service. Services that are not reached come last.
fn depths(topology: &Topology, entry: Option<usize>) -> Vec<usize> {
    let mut depths: Vec<Option<usize>> = vec![None; topology.services.len()];
    let mut reached: Vec<usize> = entry.into_iter().collect();
    let mut depth = 1;
    while !reached.is_empty() {
        reached.iter().for_each(|index| depths[*index] = Some(depth));
        let called: BTreeSet<&str> = reached
            .iter()
            .flat_map(|index| calls(&topology.services[*index]))
            .map(|call| call.service.as_str())
            .collect();
        let next = topology.services.iter().enumerate();
        let next = next.filter(|(index, service)| depths[*index].is_none() && called.contains(service.name.as_str()));
        reached = next.map(|(index, _)| index).collect();
        depth += 1;
    }
    let last = depths.iter().flatten().copied().max().unwrap_or(1);
    depths.into_iter().map(|depth| depth.unwrap_or(last)).collect()
}

/// Every call in the scripts of a service.
fn calls(service: &Service) -> impl Iterator<Item = &Call> {
    service.versions.iter().flat_map(of_version).flat_map(|endpoint| &endpoint.script).flat_map(of_step)
}

fn of_version(version: &Version) -> &[Endpoint] {
    match &version.work {
        Work::Simulated { endpoints, .. } => endpoints,
        Work::Command { .. } => &[],
    }
}

fn of_step(step: &Step) -> &[Call] {
    match step {
        Step::Calls(calls) => calls,
        Step::Compute { .. } | Step::Wait(_) => &[],
    }
}

/// Edges that end at a service, as callers counted them. If no caller counted, as the topology has them.
fn arrivals(page: &Page, service: &Service) -> Vec<Arrival> {
    let services = &page.topology.services;
    let seen = page.edges();
    let seen = seen.iter().filter(|(_, to, _)| *to == service.name).filter_map(|(from, to, path)| {
        let caller = services.iter().position(|caller| caller.pods().any(|pod| pod.name() == *from))?;
        let told = page.arm_by_arm(|arm| arm.edges.iter().find(|edge| is(edge, (from, to, path))).map(told));
        Some(Arrival { from: caller + 1, title: format!("{from} {path}"), told })
    });
    let seen: Vec<Arrival> = seen.collect();
    let planned = services.iter().enumerate().filter(|(index, caller)| {
        calls(caller).any(|call| call.service == service.name) && !seen.iter().any(|arrival| arrival.from == index + 1)
    });
    let planned: Vec<Arrival> = planned
        .map(|(index, caller)| Arrival { from: index + 1, title: caller.name.clone(), told: "not counted".to_owned() })
        .collect();
    seen.into_iter().chain(planned).collect()
}

/// Whether an edge has this caller, callee and path.
pub(crate) fn is(edge: &Edge, (from, to, path): (&str, &str, &str)) -> bool {
    (edge.from.as_str(), edge.to.as_str(), edge.path.as_str()) == (from, to, path)
}

fn told(edge: &Edge) -> String {
    match edge.latency_ms_p50 {
        Some(ms) => format!("{} ms", figure(ms, "ms")),
        None => "–".to_owned(),
    }
}

fn requests(page: &Page) -> String {
    page.arm_by_arm(|arm| {
        let value = arm.metrics.get(measure::Metric::LatencyMsP50.name())?.value?;
        Some(format!("{} ms", figure(value, "ms")))
    })
}

fn pod_line(page: &Page, pod: &str) -> String {
    let counts = page
        .arm_by_arm(|arm| arm.services.iter().find(|count| count.pod == pod).map(|count| count.requests.to_string()));
    if counts.is_empty() { pod.to_owned() } else { format!("{pod}  {counts}") }
}

fn draw(nodes: &[ServiceBox], size: DrawingSize) -> Canvas {
    let (width, height, places) = place(nodes, size);
    let mut canvas = Canvas::new(width, height);
    for (node, here) in nodes.iter().zip(&places) {
        for (index, arrival) in node.arrivals.iter().enumerate() {
            let curve = layout::curve(&places[arrival.from], here, here.arrival_y(node, index), size);
            canvas.put(element("path").class("edge").with("d", curve));
        }
    }
    for (node, here) in nodes.iter().zip(&places) {
        draw_node(&mut canvas, node, here);
    }
    canvas
}

fn draw_node(canvas: &mut Canvas, node: &ServiceBox, place: &BoxPlace) {
    let BoxPlace { x, y, width, height } = *place;
    canvas.put(rectangle("node", (x, y), (width, height)).with("rx", 6));
    let tip = node.arrivals.iter().map(|arrival| format!("{}: {}", arrival.title, arrival.told));
    canvas.text("service", (x + 10.0, y + 19.0), Anchor::Start, node.name);
    canvas.text("tick", (x + width - 10.0, y + 19.0), Anchor::End, &node.port);
    for (index, pod) in node.pods.iter().enumerate() {
        canvas.text("tick", (x + 10.0, place.pod_y(index)), Anchor::Start, &place.fit(pod));
    }
    for (index, (arrival, tip)) in node.arrivals.iter().zip(tip).enumerate() {
        let y = place.arrival_y(node, index);
        canvas.line("rule", (x, y - 16.0), (x + width, y - 16.0));
        canvas.put(element("circle").class("arrival").at([("cx", x), ("cy", y), ("r", 3.0)]).with("data-tip", tip));
        canvas.text("label", (x + 10.0, y - 1.0), Anchor::Start, &place.fit(&arrival.title));
        canvas.text("figure", (x + 10.0, y + 14.0), Anchor::Start, &place.fit(&arrival.told));
    }
}

/// The table of edges, with a row for each arm below its edge. Arms side by side would be wider than any screen.
fn table(page: &Page) -> Element {
    let mut table = HtmlTable::new(["Edge and arm", "calls", "p50, ms", "mean, ms", "failed", "retries"]);
    for (from, to, path) in page.edges() {
        table = table.group(&format!("{from} → {to} {path}"));
        for arm in &page.measurement.arms {
            let Some(edge) = arm.edges.iter().find(|edge| is(edge, (from, to, path))) else { continue };
            let ms = |value: Option<f64>| value.map_or_else(String::new, |ms| figure(ms, "ms"));
            let cells = [
                edge.calls.to_string(),
                ms(edge.latency_ms_p50),
                ms(edge.latency_ms_mean),
                edge.failures.to_string(),
                edge.retries.to_string(),
            ];
            table = table.row(&arm.name, cells);
        }
    }
    table.finish("Calls between services during the rounds, as the callers saw them")
}
