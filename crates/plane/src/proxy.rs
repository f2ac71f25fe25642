use std::collections::BTreeMap;

use minijinja::value::Value;
use minijinja::{Environment, context};
use topology::{Mistake, Protocol};

use crate::redirect::redirect_to;
use crate::template::{environment, fault_of};
use crate::{Destination, MeshEndpoint, PROXY_UID, Port, Workload, fqdn, spiffe};

/// A user's own program in every pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// The program, and its arguments as templates.
    pub command: Vec<String>,
    /// Files that are filled in for each pod.
    pub templates: Vec<Template>,
    /// The traffic that is redirected to the program.
    pub redirect: Redirect,
    /// How the program shows that it is ready.
    pub ready: ProxyReady,
}

/// A file that is filled in for each pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Name of the file in the pod's folder.
    pub name: String,
    /// The template.
    pub text: String,
}

/// The traffic that is redirected to a user's own proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redirect {
    /// Istio's rules, with the ports on which the program listens. A direction without a port is not redirected.
    Ports {
        /// Port to which connections to the pod are redirected.
        inbound: Option<u16>,
        /// Port to which the application's own connections are redirected.
        outbound: Option<u16>,
    },
    /// The user's own rules: a template of text for `nft -f -`.
    Rules(String),
}

/// How a user's own proxy shows that it is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyReady {
    /// Port on the pod's loopback that then accepts connections.
    pub port: u16,
    /// Path that then answers 200 over HTTP. Without a path, an accepted connection is enough.
    pub path: Option<String>,
}

/// The pod of a proxy.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The pod.
    pub workload: &'a Workload,
    /// The services that the pod may call.
    pub destinations: &'a [Destination],
    /// Folder with the rendered files and the [`IDENTITY_FILES`], as the program sees it.
    pub folder: &'a str,
}

/// Names of a pod's certificate, its key, a file with both, and the certificate of the mesh's authority. They are PEM
/// files that the proxy's user can read.
pub const IDENTITY_FILES: [&str; 4] = ["certificate.pem", "key.pem", "identity.pem", "authority.pem"];

/// Everything from which a user's own proxy starts in one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Files, in the order of their templates.
    pub files: Vec<Template>,
    /// Rules for the pod's network namespace, as text for `nft -f -`; `None` if nothing is redirected.
    pub rules: Option<String>,
}

/// The template that has a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplatePart {
    /// A part of the command; the program is 0.
    Command(usize),
    /// One of the files, from 0.
    File(usize),
    /// The rules.
    Rules,
}

impl Proxy {
    /// Fills in all templates for one pod.
    ///
    /// # Errors
    ///
    /// Returns an error with the first template that cannot be filled in, and what is wrong in it.
    pub fn render(&self, surroundings: &Surroundings<'_>) -> Result<Rendered, (TemplatePart, Mistake)> {
        let environment = environment();
        let variables = self.variables(surroundings);
        let render = |part, text: &str| {
            let text = render(&environment, &variables, text);
            text.map_err(|fault| (part, fault))
        };
        let (program, arguments) = self.command.split_first().expect("a command names its program");
        let arguments = (1..).zip(arguments).map(|(number, text)| render(TemplatePart::Command(number), text));
        let files = self.templates.iter().enumerate().map(|(number, template)| {
            let text = render(TemplatePart::File(number), &template.text)?;
            Ok(Template { name: template.name.clone(), text })
        });
        Ok(Rendered {
            command: std::iter::once(Ok(program.clone())).chain(arguments).collect::<Result<_, _>>()?,
            files: files.collect::<Result<_, _>>()?,
            rules: match &self.redirect {
                Redirect::Ports { inbound: None, outbound: None } => None,
                Redirect::Ports { inbound, outbound } => Some(redirect_to(*inbound, *outbound)),
                Redirect::Rules(text) => Some(render(TemplatePart::Rules, text)?),
            },
        })
    }

    /// The variables of templates.
    fn variables(&self, surroundings: &Surroundings<'_>) -> Value {
        let Surroundings { workload, destinations, folder } = *surroundings;
        let [certificate, key, identity, authority] = IDENTITY_FILES.map(|name| format!("{folder}/{name}"));
        let redirect = match self.redirect {
            Redirect::Ports { inbound, outbound } => ports(inbound, outbound),
            Redirect::Rules(_) => ports(None, None),
        };
        context! {
            folder,
            user => PROXY_UID,
            pod => context! {
                name => &workload.pod,
                address => workload.address.to_string(),
                service => &workload.service,
                version => &workload.version,
                account => &workload.account,
                identity => spiffe(&workload.account),
                ports => workload.ports.iter().map(port).collect::<Value>(),
            },
            tls => context! { certificate, key, identity, authority },
            redirect,
            services => destinations.iter().map(service).collect::<Value>(),
        }
    }
}

fn render(environment: &Environment<'_>, variables: &Value, text: &str) -> Result<String, Mistake> {
    let template = environment.template_from_str(text);
    template.and_then(|template| template.render(variables)).map_err(|error| fault_of(&error, text))
}

/// The ports of the redirected directions. A direction that is not redirected has none, so a template that names it has
/// a mistake.
fn ports(inbound: Option<u16>, outbound: Option<u16>) -> Value {
    let named = [("inbound", inbound), ("outbound", outbound)];
    named.into_iter().filter_map(|(name, port)| Some((name, port?))).collect::<BTreeMap<_, _>>().into()
}

fn service(destination: &Destination) -> Value {
    let identity = spiffe(&destination.account);
    context! {
        name => &destination.service,
        fqdn => fqdn(&destination.service),
        address => destination.address.to_string(),
        port => destination.port.number,
        protocol => protocol(destination.port.protocol),
        account => &destination.account,
        identity => &identity,
        endpoints => destination.endpoints.iter().map(|pod| endpoint(pod, &identity)).collect::<Value>(),
    }
}

fn endpoint(endpoint: &MeshEndpoint, identity: &str) -> Value {
    context! {
        pod => &endpoint.pod,
        address => endpoint.address.to_string(),
        weight => endpoint.weight,
        version => &endpoint.version,
        identity,
    }
}

fn port(port: &Port) -> Value {
    context! { number => port.number, protocol => protocol(port.protocol) }
}

fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http => "http",
        Protocol::Tcp => "tcp",
    }
}

#[cfg(test)]
mod tests;
