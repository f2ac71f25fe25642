//! Those who hold a certificate, but not the right one. They stand in the place of `vault`, or before its door.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, IsCa, Issuer, KeyPair, SanType};
use serde_json::Value;

use super::encryption::{shake, status};
use super::{address, envoy_binary, files, printed};
use testbed::{Kept, echo};

/// Where whatever stands in for `vault` listens, instead of its sidecar.
const STAND_IN: &str = "25006";
/// The admin interface of a second Envoy.
const STAND_IN_ADMIN: &str = "25000";
const STARTED: Duration = Duration::from_secs(30);

/// Leads what reaches `vault` past its sidecar, to whatever stands in for it.
pub fn take_the_place_of_vault(lab: &Kept) {
    let insert = ["nft", "insert", "rule", "ip", "meshtax_redirect", "ISTIO_INBOUND"];
    let rule = ["tcp", "dport", "8443", "redirect", "to", &format!(":{STAND_IN}")];
    printed(&lab.inside("sidecar", "vault-v1", &[&insert[..], &rule].concat()));
}

/// The caller's sidecar asks a server that the mesh's authority vouches for, first by another name, then by its own.
pub fn servers_must_have_the_identity_of_their_service(lab: &Kept) {
    let ask = || {
        let curl = ["curl", "--silent", "--show-error", "--max-time", "10", "http://vault:8443/"];
        printed(&lab.enter("sidecar", "client", &curl))
    };
    let answer = {
        let _impostor = server_with_certificate_of(lab, "cache-v1");
        ask()
    };
    assert!(answer.starts_with("upstream connect error"), "{answer}");
    let _server = server_with_certificate_of(lab, "vault-v1");
    let seen: Value = serde_json::from_str(&ask()).unwrap();
    assert_eq!(seen["names"][0][1], "spiffe://cluster.local/ns/default/sa/client");
    assert_eq!(seen["tls"], "TLSv1.3");
    // The server offered h2, too.
    assert_eq!((&seen["alpn"], &seen["version"]), (&"http/1.1".into(), &"HTTP/1.1".into()));
}

/// The mesh's authority forgot its key, so nobody can have its certificate with a name outside the trust domain. Hence
/// a second Envoy with `vault`'s configuration that trusts an authority of ours instead.
pub fn clients_must_have_an_identity_of_the_trust_domain(lab: &Kept) {
    let client = files(lab, "client");
    let authority = Authority::found();
    for (name, domain) in
        [("member-", "cluster.local"), ("neighbour-", "cluster.local.example"), ("stranger-", "example")]
    {
        authority.issue(&client, name, &format!("spiffe://{domain}/ns/default/sa/client"));
    }
    let refused = |server: &str, name, reason| {
        let said = shake(lab, server, Some(name), &[]);
        assert!(said.contains(reason), "{name}: {said}");
    };
    refused(&format!("{}:8080", address(lab, "front-v1")), "member-", "alert unknown ca");

    let _envoy = envoy_that_trusts(lab, &authority);
    let vault = format!("{}:8443", address(lab, "vault-v1"));
    assert_eq!(status(lab, &format!("https://{vault}/"), Some("member-")), Ok("200".to_owned()));
    refused(&vault, "neighbour-", "alert certificate unknown");
    refused(&vault, "stranger-", "alert certificate unknown");
}

/// A program beside `vault`; dropping it ends it.
struct StandIn(Child);

impl Drop for StandIn {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn server_with_certificate_of(lab: &Kept, pod: &str) -> StandIn {
    let [certificate, key, authority] =
        ["certificate.pem", "key.pem", "authority.pem"].map(|name| files(lab, pod).join(name).display().to_string());
    let echo = echo().display().to_string();
    let command = ["python3", &echo, STAND_IN, &certificate, &key, &authority];
    let mut server = lab.command_inside("sidecar", "vault-v1", &command);
    let mut server = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let server = StandIn(server);
    assert_eq!(line, "ready\n");
    server
}

/// As `vault`'s own, but for its ports, and whom it trusts.
fn envoy_that_trusts(lab: &Kept, authority: &Authority) -> StandIn {
    let folder = files(lab, "vault-v1");
    let trusted = folder.join("trusted.pem").display().to_string();
    fs::write(&trusted, &authority.pem).unwrap();
    let mut bootstrap = fs::read_to_string(folder.join("bootstrap.json")).unwrap();
    let ports =
        [("15000", STAND_IN_ADMIN), ("15001", "25001"), ("15006", STAND_IN), ("15021", "25021"), ("15090", "25090")];
    for (own, other) in ports {
        bootstrap = bootstrap.replace(&format!("\"port_value\": {own}"), &format!("\"port_value\": {other}"));
    }
    bootstrap = bootstrap.replace("/run/meshtax/authority.pem", &trusted);
    bootstrap = bootstrap.replace("/run/meshtax", &folder.display().to_string());
    let path = folder.join("stand-in.json");
    fs::write(&path, bootstrap).unwrap();
    let command = [&*envoy_binary(lab), "-c", path.to_str().unwrap(), "--concurrency", "1", "--disable-hot-restart"];
    let mut envoy = lab.command_inside("sidecar", "vault-v1", &command);
    let mut envoy = StandIn(envoy.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let url = format!("http://127.0.0.1:{STAND_IN_ADMIN}/stats?filter=workers_started");
    let started = Instant::now();
    loop {
        let said = lab.inside("sidecar", "vault-v1", &["curl", "--silent", "--max-time", "5", &url]);
        if String::from_utf8_lossy(&said.stdout).contains("workers_started: 1") {
            return envoy;
        }
        assert!(
            envoy.0.try_wait().unwrap().is_none() && started.elapsed() < STARTED,
            "the second Envoy does not start"
        );
    }
}

/// An authority of our own.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn found() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// Writes a certificate for `identity` and its key to `folder`, for everybody to read.
    fn issue(&self, folder: &Path, name: &str, identity: &str) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        // By default both would bear one name, as if the certificate had signed itself.
        params.distinguished_name = DistinguishedName::new();
        params.subject_alt_names = vec![SanType::URI(identity.try_into().unwrap())];
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        for (kind, text) in [("certificate", certificate), ("key", key.serialize_pem())] {
            let path = folder.join(format!("{name}{kind}.pem"));
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
    }
}
