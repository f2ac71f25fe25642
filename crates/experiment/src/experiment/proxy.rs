//! A plane that is the user's own program.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use plane::{INBOUND_PORT, OUTBOUND_PORT, Plane, Proxy, ProxyReady, Redirect, Template, TemplatePart};
use serde_saphyr::{Location, Spanned};
use topology::{Mistake, Named, Topology};

use super::file::ArmFile;
use super::form::{Form, meaning};
use super::origin::Origin;
use super::program::{ProxyFile, ProxyPorts, ReadyFile};
use crate::bundled;
use crate::refusal::Refusal;

/// A program that an arm's pods start.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Name of the arm.
    pub arm: String,
    /// The program, as written.
    pub program: String,
    /// The file where it is written.
    pub file: PathBuf,
    /// The place in that file.
    pub place: Location,
}

/// The program of an arm in the file `experiment`, with its templates read.
pub fn proxy_of(own: &ProxyFile, experiment: Origin<'_>) -> Result<Proxy, Mistake> {
    if own.command.value.first().is_none_or(|program| program.value.is_empty()) {
        let hint = "write the program and its arguments: `command: [haproxy, -f, '{{ folder }}/haproxy.cfg']`";
        return Err(Mistake::at(own.command.referenced, "the command does not name a program", hint));
    }
    Ok(Proxy {
        command: own.command.value.iter().map(|part| part.value.clone()).collect(),
        templates: templates_of(own, experiment)?,
        redirect: redirect_of(own.redirect.as_ref(), experiment)?,
        ready: ready_of(&own.ready)?,
    })
}

/// Every program that the arms of a file start.
pub fn programs(experiment: &Path, arms: &Named<ArmFile>) -> Vec<Wanted> {
    let wanted = |(arm, own): (&Spanned<String>, &ProxyFile)| {
        let program = own.command.value.first()?;
        let (arm, file) = (arm.value.clone(), experiment.to_owned());
        Some(Wanted { arm, program: program.value.clone(), file, place: program.referenced })
    };
    proxies(arms).filter_map(wanted).collect()
}

/// Fills in every template as standing up will, so that nothing starts if one of them fails. `planes` are those of the
/// arms, in order.
pub fn rehearse<'a>(
    experiment: Origin<'_>,
    written: &Named<ArmFile>,
    planes: impl Iterator<Item = &'a Plane>,
    graph: &Topology,
) -> Result<(), Refusal> {
    let planes = planes.filter_map(|plane| match plane {
        Plane::Proxy(proxy) => Some(proxy),
        _ => None,
    });
    for ((_, own), proxy) in proxies(written).zip(planes) {
        ground::rehearse(proxy, graph).map_err(|(part, fault)| located(experiment, own, part, fault))?;
    }
    Ok(())
}

fn proxies(arms: &Named<ArmFile>) -> impl Iterator<Item = (&Spanned<String>, &ProxyFile)> {
    arms.0.iter().filter_map(|(name, arm)| match &arm.plane.value {
        Form::Long(own) => Some((name, &**own)),
        Form::Short(_) => None,
    })
}

/// Locates the mistake of a template in its file.
fn located(experiment: Origin<'_>, own: &ProxyFile, part: TemplatePart, fault: Mistake) -> Refusal {
    let (file, fault) = match part {
        TemplatePart::Command(number) => {
            let place = own.command.value[number].referenced;
            (experiment.path.to_owned(), Mistake { line: place.line(), column: place.column(), ..fault })
        }
        TemplatePart::File(number) => (experiment.beside(template_files(own)[number].0), fault),
        TemplatePart::Rules => (experiment.beside(rules_file(own).unwrap_or_default()), fault),
    };
    Refusal::in_file(&file, fault)
}

fn rules_file(own: &ProxyFile) -> Option<&str> {
    match &own.redirect.as_ref()?.value {
        Form::Long(ports) => ports.rules.as_ref().map(|rules| rules.value.as_str()),
        Form::Short(_) => None,
    }
}

/// Names and places of the templates.
fn template_files(own: &ProxyFile) -> Vec<(&str, Location)> {
    match own.template.as_ref().map(|written| (&written.value, written.referenced)) {
        None => Vec::new(),
        Some((Form::Short(name), place)) => vec![(name, place)],
        Some((Form::Long(names), _)) => names.iter().map(|name| (name.value.as_str(), name.referenced)).collect(),
    }
}

/// Reads the templates. They keep the names of their files in the pod's folder.
fn templates_of(own: &ProxyFile, experiment: Origin<'_>) -> Result<Vec<Template>, Mistake> {
    let mut templates: Vec<Template> = Vec::new();
    for (file, place) in template_files(own) {
        let text = read(experiment, file, place)?;
        let name = Path::new(file).file_name().unwrap_or_default().to_string_lossy().into_owned();
        if templates.iter().any(|known| known.name == name) || ground::FILES_RESERVED.contains(&&*name) {
            let what = format!("the pod's folder already has a file `{name}`");
            return Err(Mistake::at(place, what, "give the template another name"));
        }
        templates.push(Template { name, text });
    }
    Ok(templates)
}

fn redirect_of(redirect: Option<&Spanned<Form<ProxyPorts>>>, experiment: Origin<'_>) -> Result<Redirect, Mistake> {
    const INBOUND: Option<u16> = Some(INBOUND_PORT);
    const OUTBOUND: Option<u16> = Some(OUTBOUND_PORT);
    let Some(redirect) = redirect else { return Ok(Redirect::Ports { inbound: INBOUND, outbound: OUTBOUND }) };
    let ports = match &redirect.value {
        Form::Short(word) => {
            let words = [
                ("both", (INBOUND, OUTBOUND)),
                ("inbound", (INBOUND, None)),
                ("outbound", (None, OUTBOUND)),
                ("none", (None, None)),
            ];
            let (inbound, outbound) = meaning(word, redirect.referenced, &words, "{inbound: PORT, outbound: PORT}")?;
            return Ok(Redirect::Ports { inbound, outbound });
        }
        Form::Long(ports) => ports,
    };
    match (&ports.rules, ports.inbound.as_ref().or(ports.outbound.as_ref())) {
        (Some(_), Some(port)) => {
            let hint = "write `rules`, or `inbound` and `outbound`";
            Err(Mistake::at(port.referenced, "`rules` already decide about ports", hint))
        }
        (Some(rules), None) => read(experiment, &rules.value, rules.referenced).map(Redirect::Rules),
        (None, _) => Ok(Redirect::Ports { inbound: port_of(&ports.inbound)?, outbound: port_of(&ports.outbound)? }),
    }
}

fn port_of(port: &Option<Spanned<u16>>) -> Result<Option<u16>, Mistake> {
    match port {
        Some(port) if port.value == 0 => Err(no_port(port.referenced)),
        port => Ok(port.as_ref().map(|port| port.value)),
    }
}

fn ready_of(ready: &Spanned<Form<ReadyFile>>) -> Result<ProxyReady, Mistake> {
    let (port, path) = match &ready.value {
        Form::Short(port) => (port.parse().unwrap_or(0), None),
        Form::Long(ready) => (ready.port, ready.path.as_ref()),
    };
    if port == 0 {
        return Err(no_port(ready.referenced));
    }
    if let Some(path) = path.filter(|path| !path.value.starts_with('/')) {
        let what = format!("`{}` is not a path", path.value);
        return Err(Mistake::at(path.referenced, what, "write a path such as `/ready`"));
    }
    Ok(ProxyReady { port, path: path.map(|path| path.value.clone()) })
}

fn no_port(place: Location) -> Mistake {
    Mistake::at(place, "this is not a port", "write a port from 1 to 65535, such as `15006`")
}

/// Reads a file beside the experiment or, if there is none, the bundled one of that name.
fn read(experiment: Origin<'_>, file: &str, place: Location) -> Result<String, Mistake> {
    let path = experiment.beside(file);
    let bundled = |error: Error| match bundled::file(&path.to_string_lossy()) {
        Some(text) if error.kind() == ErrorKind::NotFound => Ok(text.to_owned()),
        _ => Err(error),
    };
    (experiment.read)(&path).or_else(bundled).map_err(|error| {
        let what = format!("cannot read the template `{}`: {error}", path.display());
        Mistake::at(place, what, "name a file, relative to the experiment's folder")
    })
}
