use topology::{
    Bytes, Call, Connections, Endpoint, Protocol, Service, Share, Span, Step, Topology, Version, Volume, VolumeSource,
    Work,
};

/// The most columns of a drawing. Longer lines are cut, and end with `…`.
const WIDTH: usize = 80;

/// Draws the call graph of a topology: its services in the order of the file, and under each endpoint what it does.
///
/// Every line fits into 80 columns and ends with a line feed. Default values are left out.
pub fn graph(topology: &Topology) -> String {
    let pods = topology.pods().count();
    let title = format!("{}: {}, {}", topology.name, count(topology.services.len(), "service"), count(pods, "pod"));
    let mut drawing = fit(title);
    for line in wrap(&topology.description) {
        drawing += &fit(line);
    }
    for service in &topology.services {
        drawing.push('\n');
        draw(&tree(service), "", "", &mut drawing);
    }
    drawing
}

/// A line, and the lines below it.
struct TreeLine {
    text: String,
    children: Vec<TreeLine>,
}

impl TreeLine {
    fn leaf(text: impl Into<String>) -> TreeLine {
        TreeLine { text: text.into(), children: Vec::new() }
    }
}

fn draw(node: &TreeLine, first: &str, rest: &str, drawing: &mut String) {
    *drawing += &fit(format!("{first}{}", node.text));
    let last = node.children.len().saturating_sub(1);
    for (index, child) in node.children.iter().enumerate() {
        let (branch, below) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        draw(child, &format!("{rest}{branch}"), &format!("{rest}{below}"), drawing);
    }
}

fn tree(service: &Service) -> TreeLine {
    let children = match service.versions.as_slice() {
        [only] => work(&only.work),
        several => several.iter().map(|version| version_node(service, version)).collect(),
    };
    TreeLine { text: headline(service), children }
}

/// The headline of a service, such as `web  http :8080  1 pod of 24 MiB, new connections`.
fn headline(service: &Service) -> String {
    let protocol = match service.protocol {
        Protocol::Http => "http",
        Protocol::Tcp => "tcp",
    };
    let mut facts = match service.versions.as_slice() {
        [only] => pods(only),
        _ => count(service.pods().count(), "pod"),
    };
    if service.connections == Connections::New {
        facts += ", new connections";
    }
    let protocol = if service.declared { protocol.to_owned() } else { format!("{protocol} (undeclared)") };
    format!("{}  {protocol} :{}  {}", service.name, service.port, facts)
}

fn version_node(service: &Service, version: &Version) -> TreeLine {
    let share: f64 = service.pods().filter(|pod| pod.version.name == version.name).map(|pod| pod.share()).sum();
    let text = format!("{}  {:.1} % of calls, {}", version.name, share * 100.0, pods(version));
    TreeLine { text, children: work(&version.work) }
}

/// The pods of a version, such as `2 pods of 24 MiB`. The memory of a user's own program is unknown.
fn pods(version: &Version) -> String {
    let pods = count(version.instances as usize, "pod");
    match version.work {
        Work::Simulated { memory_bytes: bytes @ 1.., .. } => format!("{pods} of {}", Bytes(bytes)),
        Work::Simulated { .. } | Work::Command { .. } => pods,
    }
}

fn work(work: &Work) -> Vec<TreeLine> {
    match work {
        Work::Simulated { endpoints, .. } => endpoints.iter().map(endpoint).collect(),
        Work::Command { command, environment, volumes } => {
            // Values are hidden, because they may be secrets.
            let words = environment.iter().map(|(name, _)| format!("{name}=…"));
            let words: Vec<_> = words.chain(command.iter().map(|argument| word(argument))).collect();
            let runs = TreeLine::leaf(format!("runs {}", words.join(" ")));
            std::iter::once(runs).chain(volumes.iter().map(volume)).collect()
        }
    }
}

/// A volume, such as `shares ./data at /var/lib/data`.
fn volume(volume: &Volume) -> TreeLine {
    let source = match &volume.source {
        VolumeSource::Host(path) => word(path),
        VolumeSource::Named(name) => format!("`{name}`"),
    };
    let how = if volume.read_only { ", read-only" } else { "" };
    TreeLine::leaf(format!("shares {source} at {}{how}", word(&volume.target)))
}

/// An argument, quoted if it would not be seen as one.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("{text:?}") }
}

fn endpoint(endpoint: &Endpoint) -> TreeLine {
    let path = if endpoint.path.is_empty() { "each line" } else { &endpoint.path };
    let errors = match endpoint.error_rate {
        0.0 => String::new(),
        rate => format!(", {} errors", Share(rate)),
    };
    let content = match endpoint.content_type.as_str() {
        "" | Endpoint::CONTENT_TYPE_DEFAULT => String::new(),
        other => format!(" of {other}"),
    };
    let text = format!("{path} → {}{content}{errors}", Bytes(endpoint.response_bytes));
    TreeLine { text, children: endpoint.script.iter().map(step).collect() }
}

fn step(step: &Step) -> TreeLine {
    match step {
        Step::Compute { cpu, background: false } => TreeLine::leaf(format!("compute {}", Span(*cpu))),
        Step::Compute { cpu, background: true } => TreeLine::leaf(format!("compute {} after the answer", Span(*cpu))),
        Step::Wait(span) => TreeLine::leaf(format!("wait {}", Span(*span))),
        Step::Calls(calls) => match calls.as_slice() {
            [one] => TreeLine::leaf(call(one)),
            several => TreeLine {
                text: "at once".to_owned(),
                children: several.iter().map(|each| TreeLine::leaf(call(each))).collect(),
            },
        },
    }
}

/// A call, such as `call reviews /reviews/0 (timeout 3s, 1 retry)`.
fn call(call: &Call) -> String {
    let timeout = (call.timeout != Call::TIMEOUT_DEFAULT).then(|| format!("timeout {}", Span(call.timeout)));
    let retries = match call.retries {
        0 => None,
        1 => Some("1 retry".to_owned()),
        several => Some(format!("{several} retries")),
    };
    // A tcp request of one byte is only the line feed.
    let request_bytes_min = u64::from(call.path.is_empty());
    let request = (call.request_bytes > request_bytes_min).then(|| format!("sends {}", Bytes(call.request_bytes)));
    let options: Vec<_> = [timeout, retries, request].into_iter().flatten().collect();
    let target = format!("call {} {}", call.service, call.path);
    match options.as_slice() {
        [] => target.trim_end().to_owned(),
        options => format!("{} ({})", target.trim_end(), options.join(", ")),
    }
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Cuts a line to [`WIDTH`] characters, and adds its line feed.
fn fit(line: String) -> String {
    match line.char_indices().nth(WIDTH) {
        None => line + "\n",
        Some(_) => line.chars().take(WIDTH - 1).chain(['…', '\n']).collect(),
    }
}

/// Wraps the words of a text into lines of at most [`WIDTH`] characters, as far as the words allow.
fn wrap(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests;
