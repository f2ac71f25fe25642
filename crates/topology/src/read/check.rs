//! Turns a file as written into a valid [`Topology`].

use std::collections::HashSet;

use serde_saphyr::{Location, Spanned};

use super::file::{
    ApplicationFile, CallFile, EndpointFile, MetricsFile, MetricsMap, ServiceFile, StepFile, VersionFile, WorkFile,
};
use super::word::{ByteSize, DnsLabel, Mounted, UrlPath, Whole};
use super::{cycle, hop};
use crate::{
    Call, Endpoint, Metrics, Mistake, NAMES_RESERVED, Protocol, Service, Share, Step, Topology, Version, Work,
};

/// The most pods of one application. A pod is a network namespace with a process or two, so more is probably a mistake.
const PODS_MAX: u32 = 1000;

/// Checks how the parts of a file fit together.
pub(super) fn topology(file: &ApplicationFile) -> Result<Topology, Mistake> {
    let entries = &file.services.value.0;
    if entries.is_empty() {
        return Err(Mistake::at(
            file.services.referenced,
            "there are no services",
            "add one: `web: {port: 8080, ...}`",
        ));
    }
    let services = entries.iter().map(|(name, entry)| service(name, entry)).collect::<Result<_, _>>()?;
    let description = file.description.trim().to_owned();
    let topology = Topology { name: file.name.0.clone(), description, services };
    ports(file)?;
    pods(file, &topology)?;
    let hops = hop::hops(file);
    hops.iter().try_for_each(|hop| hop::check(hop, &topology))?;
    cycle::check(&hops)?;
    Ok(topology)
}

fn service(name: &Spanned<DnsLabel>, file: &ServiceFile) -> Result<Service, Mistake> {
    let DnsLabel(word) = &name.value;
    if NAMES_RESERVED.contains(&word.as_str()) {
        let what = format!("the name `{word}` is reserved");
        return Err(Mistake::at(name.referenced, what, format!("write another name, such as `{word}-app`")));
    }
    if let (Protocol::Tcp, Some(ready)) = (file.protocol, &file.ready) {
        let hint = "remove it: a tcp service is ready when it accepts connections";
        return Err(Mistake::at(ready.referenced, "`ready` needs `protocol: http`", hint));
    }
    work_keys(file.work(), file.protocol)?;
    let versions = versions(name, file)?;
    if !versions.iter().any(is_command) {
        commands_have_a_command(file.work())?;
    }
    probes_are_answered_at_once(file, &versions)?;
    let metrics = metrics(file, &versions)?;
    Ok(Service {
        name: word.clone(),
        port: file.port.value.0,
        protocol: file.protocol,
        declared: file.declared,
        account: file.account.as_ref().unwrap_or(&name.value).0.clone(),
        connections: file.connections,
        propagate: propagate(file)?,
        ready: file.ready.as_ref().map(|path| path.value.0.clone()),
        metrics,
        restart: file.restart,
        versions,
    })
}

fn propagate(file: &ServiceFile) -> Result<Vec<String>, Mistake> {
    let mut seen = HashSet::new();
    for header in &file.propagate {
        if !seen.insert(&header.value.0) {
            let what = format!("duplicate header `{}`", header.value.0);
            return Err(Mistake::at(header.referenced, what, "keep one of the two; upper and lower case are the same"));
        }
    }
    Ok(file.propagate.iter().map(|header| header.value.0.clone()).collect())
}

/// Where a program serves its metrics. A simulated service has none.
fn metrics(file: &ServiceFile, versions: &[Version]) -> Result<Option<Metrics>, Mistake> {
    let Some(written) = &file.metrics else { return Ok(None) };
    if !versions.iter().any(is_command) {
        let hint = "remove it: a simulated service has no metrics of its own";
        return Err(Mistake::at(written.referenced, "`metrics` needs `command`", hint));
    }
    let MetricsFile(MetricsMap { port, path }) = &written.value;
    if let (None, Protocol::Tcp) = (port, file.protocol) {
        let hint = "write the port that serves them: `metrics: {port: 9102, path: /metrics}`";
        return Err(Mistake::at(written.referenced, "the port of a tcp service serves no metrics", hint));
    }
    Ok(Some(Metrics { port: port.map_or(file.port.value.0, |port| port.0), path: path.0.clone() }))
}

fn is_command(version: &Version) -> bool {
    matches!(version.work, Work::Command { .. })
}

fn versions(name: &Spanned<DnsLabel>, file: &ServiceFile) -> Result<Vec<Version>, Mistake> {
    let Some(versions) = &file.versions else {
        let work = work(name.referenced, WorkFile::default(), file)?;
        let instances = file.instances.as_ref().map_or(1, |count| count.value.0);
        return Ok(vec![Version { name: "v1".to_owned(), weight: 1, instances, work }]);
    };
    if let Some(instances) = &file.instances {
        let hint = "remove it, and write `instances` under each version";
        return Err(Mistake::at(instances.referenced, "`instances` cannot be used with `versions`", hint));
    }
    if versions.value.0.is_empty() {
        let hint = "add one, such as `v1: {}`, or remove the key";
        return Err(Mistake::at(versions.referenced, "there are no versions", hint));
    }
    let built =
        versions.value.0.iter().map(|(name, entry)| version(name, entry, file)).collect::<Result<Vec<_>, _>>()?;
    if built.iter().all(|version| version.weight == 0) {
        let hint = "give at least one version a weight above 0";
        return Err(Mistake::at(versions.referenced, "all weights are 0", hint));
    }
    Ok(built)
}

fn version(name: &Spanned<DnsLabel>, file: &VersionFile, service: &ServiceFile) -> Result<Version, Mistake> {
    work_keys(file.work(), service.protocol)?;
    Ok(Version {
        name: name.value.0.clone(),
        weight: file.weight.map_or(1, |Whole(weight)| weight),
        instances: file.instances.map_or(1, |Whole(count)| count),
        work: work(name.referenced, file.work(), service)?,
    })
}

/// The work of a version: for each key its own value, or else its service's.
fn work(place: Location, own: WorkFile, service: &ServiceFile) -> Result<Work, Mistake> {
    let inherited = service.work();
    if runs_command(own, inherited) {
        return command(own, inherited);
    }
    commands_have_a_command(own)?;
    match service.protocol {
        Protocol::Http => simulated_http(place, own, inherited),
        Protocol::Tcp => simulated_tcp(place, own, inherited),
    }
}

/// Returns an error for keys that contradict each other, or the protocol, within one service or version.
fn work_keys(work: WorkFile, protocol: Protocol) -> Result<(), Mistake> {
    let direct = [
        ("script", work.script.map(|key| key.referenced)),
        ("response", work.response.map(|key| key.referenced)),
        ("errors", work.errors.map(|key| key.referenced)),
    ];
    let direct = direct.into_iter().find_map(|(key, place)| Some((key, place?)));
    let endpoints = work.endpoints.map(|key| ("endpoints", key.referenced));
    if work.command.is_some() {
        let memory = work.memory.map(|key| ("memory", key.referenced));
        if let Some((key, place)) = endpoints.or(direct).or(memory) {
            return Err(beside_command(key, place));
        }
    }
    match (protocol, endpoints, direct) {
        (Protocol::Tcp, Some((_, place)), _) => {
            let hint = "write `script`, `response` and `errors` directly at the service";
            Err(Mistake::at(place, "a tcp service has no endpoints", hint))
        }
        (Protocol::Http, _, Some((key, place))) => {
            let hint = format!("write it under an endpoint: `endpoints: {{/: {{{key}: ...}}}}`");
            Err(Mistake::at(place, format!("`{key}` of an http service belongs to an endpoint"), hint))
        }
        _ => Ok(()),
    }
}

/// Whether a version runs a command. Its own keys override its service's.
fn runs_command(own: WorkFile, service: WorkFile) -> bool {
    let simulates = own.endpoints.is_some() || own.script.is_some() || own.response.is_some() || own.errors.is_some();
    own.command.is_some() || (!simulates && service.command.is_some())
}

fn command(own: WorkFile, service: WorkFile) -> Result<Work, Mistake> {
    let arguments = own.command.or(service.command).expect("only versions that run a command come here");
    if let Some(memory) = own.memory {
        return Err(beside_command("memory", memory.referenced));
    }
    if arguments.value.first().is_none_or(|program| program.0.is_empty()) {
        let hint = "write the program and its arguments: `[nginx, -g, daemon off;]`";
        return Err(Mistake::at(arguments.referenced, "the command is empty", hint));
    }
    let environment = own.environment.or(service.environment).map_or(&[][..], |environment| &environment.value.0);
    let volumes = own.volumes.or(service.volumes).map_or(&[][..], |volumes| &volumes.value);
    Ok(Work::Command {
        command: arguments.value.iter().map(|argument| argument.0.clone()).collect(),
        environment: environment.iter().map(|(name, value)| (name.value.0.clone(), value.0.clone())).collect(),
        volumes: volumes.iter().map(|Mounted(volume)| volume.clone()).collect(),
    })
}

fn simulated_http(place: Location, own: WorkFile, service: WorkFile) -> Result<Work, Mistake> {
    let endpoints = own.endpoints.or(service.endpoints).ok_or_else(|| nothing_to_do(place, "endpoints"))?;
    if endpoints.value.0.is_empty() {
        return Err(Mistake::at(endpoints.referenced, "there are no endpoints", "add one: `/: {response: 100 B}`"));
    }
    let endpoints = endpoints.value.0.iter().map(|(path, file)| endpoint(&path.value.0, file));
    Ok(Work::Simulated { memory_bytes: memory(own, service), endpoints: endpoints.collect::<Result<_, _>>()? })
}

fn simulated_tcp(place: Location, own: WorkFile, service: WorkFile) -> Result<Work, Mistake> {
    let script = own.script.or(service.script);
    let response = own.response.or(service.response);
    let errors = own.errors.or(service.errors);
    if script.is_none() && response.is_none() && errors.is_none() {
        return Err(nothing_to_do(place, "response"));
    }
    if let Some(response) = response.filter(|response| response.value.0 == 0) {
        let hint = "write at least `1 B`: the answer ends with a line feed";
        return Err(Mistake::at(response.referenced, "a tcp answer cannot be empty", hint));
    }
    let endpoint = Endpoint {
        path: String::new(),
        script: script.map_or(Ok(Vec::new()), |script| steps(&script.value))?,
        response_bytes: response.map_or(1, |response| response.value.0),
        content_type: String::new(),
        error_rate: errors.map_or(0.0, |errors| errors.value.0),
    };
    Ok(Work::Simulated { memory_bytes: memory(own, service), endpoints: vec![endpoint] })
}

fn memory(own: WorkFile, service: WorkFile) -> u64 {
    own.memory.or(service.memory).map_or(0, |memory| memory.value.0)
}

fn endpoint(path: &str, file: &EndpointFile) -> Result<Endpoint, Mistake> {
    let (ByteSize(response_bytes), Share(error_rate)) = (file.response, file.errors);
    let (path, content_type) = (path.to_owned(), file.r#type.0.clone());
    Ok(Endpoint { path, script: steps(&file.script)?, response_bytes, content_type, error_rate })
}

fn steps(script: &[StepFile]) -> Result<Vec<Step>, Mistake> {
    script.iter().map(step).collect()
}

fn step(file: &StepFile) -> Result<Step, Mistake> {
    match file {
        StepFile::Compute(compute) => Ok(Step::Compute { cpu: compute.0.cpu.0, background: compute.0.background }),
        StepFile::Wait(span) => Ok(Step::Wait(span.0)),
        StepFile::Call(file) => Ok(Step::Calls(vec![call(file)])),
        StepFile::Parallel(calls) if calls.value.is_empty() => {
            let hint = "write the calls to make at the same time: `[details/details/0, reviews/reviews/0]`";
            Err(Mistake::at(calls.referenced, "`parallel` has no calls", hint))
        }
        StepFile::Parallel(calls) => Ok(Step::Calls(calls.value.iter().map(call).collect())),
    }
}

fn call(file: &CallFile) -> Call {
    // A tcp request is a line, so it contains at least a line feed.
    let request_bytes_min = u64::from(file.path.is_none());
    Call {
        service: file.service.value.clone(),
        path: file.path.as_ref().map_or(String::new(), |path| path.value.0.clone()),
        timeout: file.timeout.map_or(Call::TIMEOUT_DEFAULT, |timeout| timeout.0),
        retries: file.retries.map_or(0, |Whole(retries)| retries),
        request_bytes: file.request.as_ref().map_or(request_bytes_min, |size| size.value.0),
    }
}

fn nothing_to_do(place: Location, key: &str) -> Mistake {
    let hint = format!("add `{key}:` for a simulated service, or `command:` for a program");
    Mistake::at(place, "nothing says what this service does", hint)
}

fn beside_command(key: &str, place: Location) -> Mistake {
    let hint = "remove one of the two: a service is either simulated or a command";
    Mistake::at(place, format!("`{key}` cannot be used with `command`"), hint)
}

/// Returns an error for keys that only a command reads, if there is none.
fn commands_have_a_command(work: WorkFile) -> Result<(), Mistake> {
    let environment = work.environment.map(|key| ("environment", key.referenced));
    let volumes = work.volumes.map(|key| ("volumes", key.referenced));
    environment.or(volumes).map_or(Ok(()), |(key, place)| {
        Err(Mistake::at(place, format!("`{key}` needs `command`"), "remove it: only a command reads it"))
    })
}

/// An endpoint at the path of probes only sets what they receive. Its script does not run for them.
fn probes_are_answered_at_once(file: &ServiceFile, versions: &[Version]) -> Result<(), Mistake> {
    let Some(ready) = &file.ready else { return Ok(()) };
    let works = versions.iter().map(|version| &version.work);
    let mut endpoints = works.flat_map(|work| match work {
        Work::Simulated { endpoints, .. } => endpoints.as_slice(),
        Work::Command { .. } => &[],
    });
    let UrlPath(path) = &ready.value;
    let is_more = |endpoint: &Endpoint| !endpoint.script.is_empty() || endpoint.error_rate > 0.0;
    if endpoints.any(|endpoint| endpoint.path == *path && is_more(endpoint)) {
        let what = format!("the endpoint `{path}` has a script or errors, which do not apply to probes");
        return Err(Mistake::at(ready.referenced, what, "write another path, or keep only `response` and `type`"));
    }
    Ok(())
}

/// Several services may use the same port, but a sidecar has one listener for all services of an http port.
fn ports(file: &ApplicationFile) -> Result<(), Mistake> {
    let services = &file.services.value.0;
    for (index, (_, service)) in services.iter().enumerate() {
        let clash = services[..index]
            .iter()
            .find(|(_, other)| other.port.value == service.port.value && other.protocol != service.protocol);
        if let Some((other, _)) = clash {
            let what = format!(
                "duplicate port {}: `{}` already uses it with another protocol",
                service.port.value.0, other.value.0
            );
            let hint = "write another port: a sidecar has one listener for all of an http port";
            return Err(Mistake::at(service.port.referenced, what, hint));
        }
    }
    Ok(())
}

/// Pod names are service, version and number joined by `-`, so two of them could be equal.
fn pods(file: &ApplicationFile, topology: &Topology) -> Result<(), Mistake> {
    let mut count = 0;
    let mut names = HashSet::new();
    for ((name, _), service) in file.services.value.0.iter().zip(&topology.services) {
        count += service.versions.iter().map(|version| version.instances).sum::<u32>();
        if count > PODS_MAX {
            let what = format!("there are more than {PODS_MAX} pods, counted up to here");
            let hint = "write fewer services, instances or versions: an arm's bridge has few more ports";
            return Err(Mistake::at(name.referenced, what, hint));
        }
        if let Some(twice) = service.pods().map(|pod| pod.name()).find(|pod| !names.insert(pod.clone())) {
            let what = format!("two pods would be called `{twice}`");
            return Err(Mistake::at(name.referenced, what, "rename the service or its version"));
        }
    }
    Ok(())
}
