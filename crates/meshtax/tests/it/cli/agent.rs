//! Faults in an agent's file, and in the files that it names.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use testbed::{meshtax, refuses, words};

/// A folder with a certificate and its key, the key of another certificate, files that others can read, and empty ones.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let made = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (own, other) = (made(), made());
    for (name, text, mode) in [
        ("tls.crt", &*own.cert.pem(), 0o644),
        ("tls.key", &own.signing_key.serialize_pem(), 0o600),
        ("open.key", &own.signing_key.serialize_pem(), 0o640),
        ("other.key", &other.signing_key.serialize_pem(), 0o600),
        ("token", "sesame", 0o600),
        ("open-token", "sesame", 0o604),
        ("empty", "", 0o600),
    ] {
        fs::write(home.path().join(name), text).unwrap();
        fs::set_permissions(home.path().join(name), Permissions::from_mode(mode)).unwrap();
    }
    home
}

/// Checks that the agent does not start with this file.
fn check(file: &str, error: &str, hint: &str) {
    let home = home();
    fs::write(home.path().join("agent.yaml"), file).unwrap();
    for more in [&[][..], &["--check"]] {
        let mut command = meshtax();
        command.args(["agent", "--config", "agent.yaml"]).args(more);
        refuses(&mut command, home.path(), &format!("agent.yaml:{error}"), hint);
    }
}

#[test]
fn keys_and_values() {
    check(
        "listn: 127.0.0.1:1\n",
        "1:1: unknown key `listn`",
        "did you mean `listen`? the keys here are `listen`, `tls`, `token_file`, `otlp`",
    );
    check(
        "listen: localhost\n",
        "1:9: `localhost` is not an address with a port",
        "write one such as `127.0.0.1:9435`, `0.0.0.0:9435` or `\"[::]:9435\"`",
    );
    check("tls:\n  certificate: tls.crt\n", "2:3: `key` is missing", "add a line `key: ...` here");
}

#[test]
fn receivers() {
    check(
        "otlp:\n  endpoint: collector:4318\n",
        "2:13: `collector:4318` is not the URL of a receiver",
        "write one such as `http://collector:4318`",
    );
    check(
        "otlp:\n  endpoint: http://collector/v1\n  protocol: grpc\n",
        "2:13: `http://collector/v1` has a path, but gRPC allows none",
        "write scheme, host and port alone, or use `protocol: http`",
    );
    check(
        "otlp:\n  endpoint: http://collector\n  interval: 0s\n",
        "3:13: `interval` must be greater than 0",
        "write an interval such as `60s`",
    );
    check(
        "otlp:\n  endpoint: http://collector\n  protocol: udp\n",
        "3:13: `udp` is not possible here",
        "write one of `http`, `grpc`",
    );
    check(
        "otlp:\n  endpoint: http://collector\n  headers: {a b: c}\n",
        "3:12: `a b` is not a valid HTTP header",
        "write `name: value` pairs of ASCII",
    );
}

#[test]
fn files_that_it_names() {
    check(
        "token_file: nosuch\n",
        "1:13: cannot read `nosuch`: No such file or directory (os error 2)",
        "name a file that this user may read, relative to this file's folder",
    );
    check(
        "token_file: .\n",
        "1:13: cannot read `.`: it is not a regular file",
        "name a file that this user may read, relative to this file's folder",
    );
    check(
        "token_file: open-token\n",
        "1:13: `open-token` is secret but other users can read it (mode 0604)",
        "restrict it: `chmod 600 open-token`, and replace the secret if others may have read it",
    );
    check(
        "token_file: empty\n",
        "1:13: `empty` does not contain a token: one word of visible ASCII",
        "make one: `(umask 077; openssl rand -hex 32 > empty)`",
    );
    check(
        "tls: {certificate: tls.key, key: tls.key}\n",
        "1:20: `tls.key` does not contain a certificate in PEM",
        "PEM begins with `-----BEGIN`; `openssl` converts other forms",
    );
    check(
        "tls: {certificate: tls.crt, key: open.key}\n",
        "1:34: `open.key` is secret but other users can read it (mode 0640)",
        "restrict it: `chmod 600 open.key`, and replace the secret if others may have read it",
    );
    check(
        "tls: {certificate: tls.crt, key: other.key}\n",
        "1:34: `other.key` cannot be used: it is not the key of the certificate",
        "name a certificate, its own key, and authorities that go together",
    );
}

#[test]
fn a_good_file_is_checked_and_nothing_starts() {
    let home = home();
    let file = home.path().join("agent.yaml");
    fs::write(&file, "tls: {certificate: tls.crt, key: tls.key}\ntoken_file: token\n").unwrap();
    let output = meshtax().args(["agent", "--check", "--config"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    assert_eq!(words(&output), "the agent's file and the files that it names are valid\n");
}
