//! What sidecars write on answers.

use super::encryption::AS_PROXY;
use super::{address, printed};
use testbed::Kept;

const OPERATION: &str = "x-envoy-decorator-operation: ";

/// The called side signs, the caller's side signs over it; the application's own name is gone.
pub fn sidecars_sign_answers(lab: &Kept) {
    let answer = answer(lab, &[], "http://echo:9000/", &[]);
    assert_eq!(lines(&answer, "server: "), ["envoy"], "{answer}");
    // The caller's sidecar named the operation when it asked.
    assert_eq!(lines(&answer, OPERATION), [""; 0], "{answer}");
}

/// The same answer on its way between the sidecars.
pub fn peers_that_name_no_operation_are_told_it(lab: &Kept) {
    let echo = format!("https://{}:9000/", address(lab, "echo-v1"));
    let asked = |headers: &[&str]| answer(lab, AS_PROXY, &echo, headers);
    let told = asked(&[]);
    assert_eq!(lines(&told, "server: "), ["istio-envoy"], "{told}");
    assert_eq!(lines(&told, OPERATION), ["echo.default.svc.cluster.local:9000/*"], "{told}");
    let told = asked(&["--header", "x-envoy-decorator-operation: known/*"]);
    assert_eq!(lines(&told, OPERATION), [""; 0], "{told}");
}

/// Head and body of an answer, to a request with the client's certificate where it has no sidecar of its own.
fn answer(lab: &Kept, first: &[&str], url: &str, headers: &[&str]) -> String {
    let curl = ["curl", "--silent", "--show-error", "--max-time", "5", "--include", "--insecure", "--http1.1", url];
    let identity = ["--cert", "/run/meshtax/certificate.pem", "--key", "/run/meshtax/key.pem"];
    let identity = if first.is_empty() { &[][..] } else { &identity[..] };
    printed(&lab.enter("sidecar", "client", &[first, &curl, identity, headers].concat()))
}

/// Values of a header.
fn lines<'a>(answer: &'a str, name: &str) -> Vec<&'a str> {
    let head = answer.lines().take_while(|line| !line.is_empty());
    head.filter_map(|line| line.strip_prefix(name)).collect()
}
