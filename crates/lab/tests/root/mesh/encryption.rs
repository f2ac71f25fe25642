//! Mutual TLS as a server's sidecar demands it, and as an application sees it.

use serde_json::Value;

use super::{address, printed};
use testbed::{Kept, words};

/// Makes a program one of the proxy's, which the redirect rules leave alone: it talks without a sidecar.
pub const AS_PROXY: &[&str] = &["setpriv", "--reuid=1337", "--regid=1337", "--clear-groups"];

/// The identity that the client was given; those that a probe adds have a name before it.
const OWN: &str = "";

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
    let front = format!("{}:8080", address(lab, "front-v1"));
    assert_eq!(status(lab, &format!("https://{front}/health"), Some(OWN)), Ok("200".to_owned()));
    let said = status(lab, &format!("http://{front}/health"), None).expect_err("plaintext is answered");
    assert!(said.contains("reset by peer") || said.contains("Empty reply"), "{said}");
    let said = shake(lab, &front, None, &[]);
    assert!(said.contains("alert certificate required"), "{said}");
}

pub fn sidecars_agree_on_tls_1_3(lab: &Kept) {
    let front = format!("{}:8080", address(lab, "front-v1"));
    let said = shake(lab, &front, Some(OWN), &["-no_ign_eof"]);
    for line in ["Protocol version: TLSv1.3", "Verification: OK"] {
        assert!(said.contains(line), "no `{line}` in: {said}");
    }
    let said = shake(lab, &front, Some(OWN), &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
    assert!(said.contains("alert protocol version"), "{said}");
}

/// What comes of asking for a URL without a sidecar of one's own: the status of the answer, or what went wrong.
pub fn status(lab: &Kept, url: &str, identity: Option<&str>) -> Result<String, String> {
    let curl = ["curl", "--silent", "--show-error", "--max-time", "5", "--insecure", "--http1.1"];
    let print = ["--output", "/dev/null", "--write-out", "%{http_code}", url];
    let mut command = [AS_PROXY, &curl, &print].concat();
    let files = identity.map(files);
    if let Some([certificate, key]) = &files {
        command.extend(["--cert", certificate, "--key", key]);
    }
    let output = lab.enter("sidecar", "client", &command);
    if output.status.success() { Ok(printed(&output)) } else { Err(words(&output)) }
}

/// What is said on both sides when a pod without a sidecar shakes hands with another, says nothing itself, and listens
/// until the other hangs up. (A server that refuses a certificate says so after the client believes to be connected;
/// whoever is writing at that moment may miss it.)
pub fn shake(lab: &Kept, server: &str, identity: Option<&str>, options: &[&str]) -> String {
    let openssl = ["timeout", "10", "openssl", "s_client", "-brief", "-ign_eof", "-connect", server];
    let mut command = [AS_PROXY, &openssl, &["-CAfile", "/run/meshtax/authority.pem"]].concat();
    let files = identity.map(files);
    if let Some([certificate, key]) = &files {
        command.extend(["-cert", certificate, "-key", key]);
    }
    command.extend(options);
    words(&lab.enter("sidecar", "client", &command))
}

/// Certificate and key of an identity of the client's pod.
fn files(identity: &str) -> [String; 2] {
    ["certificate", "key"].map(|kind| format!("/run/meshtax/{identity}{kind}.pem"))
}
