//! Mutual TLS as a server's sidecar demands it, and as an application sees it.

use serde_json::Value;

use super::{Kept, address, printed};
use crate::tool::words;

/// Makes a program one of the proxy's, which the redirect rules leave alone: it talks without a sidecar.
pub const AS_PROXY: &[&str] = &["setpriv", "--reuid=1337", "--regid=1337", "--clear-groups"];

/// The client's own certificate.
const OWN: &[&str] = &["--cert", "/run/meshtax/certificate.pem", "--key", "/run/meshtax/key.pem"];

pub fn applications_see_the_sidecar_and_the_caller(lab: &Kept) {
    let curl = ["curl", "--silent", "--show-error", "--max-time", "5", "http://echo:9000/"];
    let seen: Value = serde_json::from_str(&printed(&lab.enter("sidecar", "client", &curl))).unwrap();
    assert_eq!(seen["peer"], "127.0.0.6");
    assert_eq!(seen["version"], "HTTP/1.1");
    let caller = seen["headers"]["x-forwarded-client-cert"].as_str().expect("the sidecar names the caller");
    let parts: Vec<(&str, &str)> = caller.split(';').filter_map(|part| part.split_once('=')).collect();
    let [by, (hash, digest), subject, uri] = parts[..] else { panic!("{caller}") };
    assert_eq!(by, ("By", "spiffe://cluster.local/ns/default/sa/echo"));
    assert!(hash == "Hash" && digest.len() == 64 && digest.bytes().all(|digit| digit.is_ascii_hexdigit()), "{caller}");
    assert_eq!(subject, ("Subject", "\"\""));
    assert_eq!(uri, ("URI", "spiffe://cluster.local/ns/default/sa/client"));
}

/// The application itself would answer each of these: only its sidecar refuses.
pub fn clients_need_a_certificate_of_the_mesh(lab: &Kept) {
    let front = address(lab, "front-v1");
    let (plain, encrypted) = (format!("http://{front}:8080/health"), format!("https://{front}:8080/health"));
    assert_eq!(dial(lab, &[OWN, &[&encrypted]].concat()), Ok("200".to_owned()));
    refused(dial(lab, &[&plain]), "Connection reset by peer");
    refused(dial(lab, &[&encrypted]), "certificate required");
    // The port is not declared.
    refused(dial(lab, &[OWN, &[&encrypted.replace("8080", "8081")]].concat()), "Connection reset by peer");
}

pub fn sidecars_agree_on_tls_1_3(lab: &Kept) {
    let front = format!("{}:8080", address(lab, "front-v1"));
    let own = ["-cert", "/run/meshtax/certificate.pem", "-key", "/run/meshtax/key.pem"];
    let shake = |offer: &[&str]| {
        let openssl = ["openssl", "s_client", "-brief", "-connect", &front, "-CAfile", "/run/meshtax/authority.pem"];
        words(&lab.enter("sidecar", "client", &[AS_PROXY, &openssl, &own, offer].concat()))
    };
    let agreed = shake(&[]);
    for line in ["Protocol version: TLSv1.3", "Verification: OK", "Peer Temp Key: X25519"] {
        assert!(agreed.contains(line) || agreed.contains(&line.replace("Peer", "Server")), "no `{line}` in: {agreed}");
    }
    let old = shake(&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
    assert!(!old.contains("CONNECTION ESTABLISHED"), "{old}");
}

/// What comes of asking a pod without a sidecar of one's own: the status of the answer, or what went wrong.
pub fn dial(lab: &Kept, arguments: &[&str]) -> Result<String, String> {
    let curl = ["curl", "--silent", "--show-error", "--max-time", "5", "--insecure", "--http1.1"];
    let output = ["--output", "/dev/null", "--write-out", "%{http_code}"];
    let output = lab.enter("sidecar", "client", &[AS_PROXY, &curl, &output, arguments].concat());
    if output.status.success() { Ok(printed(&output)) } else { Err(words(&output)) }
}

/// The server must refuse, and for that reason.
pub fn refused(outcome: Result<String, String>, reason: &str) {
    let said = outcome.expect_err("nobody without an identity of the mesh gets an answer");
    assert!(said.contains(reason), "{said}");
}
