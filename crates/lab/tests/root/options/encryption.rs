use super::{header, seen};
use testbed::{Kept, words};

/// The proxy's user: its connections are not redirected, so it talks without a sidecar.
const WITHOUT_SIDECAR: [&str; 4] = ["setpriv", "--reuid=1337", "--regid=1337", "--clear-groups"];

pub fn plaintext_is_taken_where_it_is_allowed(lab: &Kept) {
    for (arm, is_taken) in [("sidecar", false), ("permissive", true), ("plaintext", true), ("today", true)] {
        let curl = ["curl", "--silent", "--show-error", "--max-time", "5", "http://echo:9000/"];
        let output = lab.enter(arm, "client", &[&WITHOUT_SIDECAR[..], &curl].concat());
        assert_eq!(output.status.success(), is_taken, "{arm}: {}", words(&output));
    }
}

/// Only a connection on which the caller showed its certificate has an `x-forwarded-client-cert`.
pub fn sidecars_encrypt_wherever_both_can(lab: &Kept) {
    for (arm, is_mutual) in [
        ("sidecar", true),
        ("permissive", true),
        ("plaintext", false),
        ("server", false),
        ("client", false),
        ("of-1-6", true),
        ("of-1-9", true),
        ("today", true),
    ] {
        let seen = seen(lab, arm);
        assert_eq!(header(&seen, "x-forwarded-client-cert").is_some(), is_mutual, "{arm}: {seen}");
    }
}
