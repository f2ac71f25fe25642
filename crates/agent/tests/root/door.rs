//! Access to the agent: TLS, client certificates, the token, their renewal, and hostile scrapers.

use std::fs::{self, Permissions};
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use testbed::{Peer, V4, Watching, insist_on_root, of_clients};

/// A folder with an authority, certificates for the agent and for a scraper, tokens, and an agent's file.
struct Home(TempDir);

impl Home {
    fn with(file: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        home.write("ca.crt", &authority.self_signed(&authority_key).unwrap().pem());
        let issuer = Issuer::new(authority, authority_key);
        for (name, usage) in
            [("server", ExtendedKeyUsagePurpose::ServerAuth), ("client", ExtendedKeyUsagePurpose::ClientAuth)]
        {
            let key = KeyPair::generate().unwrap();
            let mut leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
            leaf.distinguished_name.push(DnType::CommonName, name);
            leaf.extended_key_usages = vec![usage];
            home.write(&format!("{name}.crt"), &leaf.signed_by(&key, &issuer).unwrap().pem());
            home.write(&format!("{name}.key"), &key.serialize_pem());
        }
        home.write("token", "first\n");
        home.write("agent.yaml", file);
        home
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }

    /// Writes a file that only its owner may read.
    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).unwrap();
    }

    fn agent(&self) -> Watching {
        Watching::begin("agent", &["--config", &self.path("agent.yaml")])
    }
}

/// Runs `curl ARGUMENTS`. Returns the answer's status, or 0 without an answer, and the body.
fn curl(arguments: &[&str]) -> (u32, String) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--max-time", "30", "--write-out", "\n%{http_code}"]).args(arguments);
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

#[test]
fn scrapes_over_tls_with_the_token_are_exact_and_all_others_are_refused() {
    insist_on_root();
    let home =
        Home::with("{listen: \"127.0.0.1:0\", tls: {certificate: server.crt, key: server.key}, token_file: token}");
    let server = Peer::listen(V4);
    let mut agent = home.agent();
    let moved: u64 = (1..=23).map(|n| server.exchange(n * 1_000, n, |_| ()).up).sum();

    let place = agent.place();
    let ca = home.path("ca.crt");
    let ask = |path: &str, token: &str| {
        let (url, header) = (format!("https://{place}{path}"), format!("Authorization: {token}"));
        curl(&["--cacert", &ca, "--header", &header, &url])
    };
    let (status, text) = ask("/metrics", "Bearer first");
    assert_eq!(status, 200);
    assert_eq!(of_clients(&text, "istio_tcp_received_bytes_total", server.port()), moved);
    assert_eq!(ask("/metrics", "Bearer second").0, 401);
    assert_eq!(ask("/metrics", "").0, 401);
    assert_eq!(ask("/", "").0, 401);
    assert_eq!(ask("/healthz", "").0, 200);
    assert_eq!(curl(&[&format!("https://{place}/healthz")]).0, 0, "nobody knows this authority");
    assert_eq!(curl(&[&format!("http://{place}/healthz")]).0, 0, "nothing is served in the clear");

    // A bad file is refused, and a good one is used without a restart.
    home.write("token", "two words");
    agent.renew();
    assert!(agent.word().starts_with("kept the old certificates and token: "), "{}", agent.said);
    assert_eq!(ask("/metrics", "Bearer first").0, 200);
    home.write("token", "second");
    agent.renew();
    assert_eq!(agent.word(), "reloaded certificates and token\n");
    assert_eq!(ask("/metrics", "Bearer first").0, 401);
    let (status, text) = ask("/metrics", "Bearer second");
    assert_eq!(status, 200);
    assert_eq!(of_clients(&text, "istio_tcp_received_bytes_total", server.port()), moved);
}

#[test]
fn a_scraper_has_the_form_of_metrics_that_it_likes_best() {
    insist_on_root();
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let url = format!("http://{}/metrics", agent.place());
    for (accept, is_openmetrics) in [
        ("*/*", false),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.8", false),
        ("application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.2", true),
    ] {
        let (status, answer) = curl(&["--include", "--header", &format!("Accept: {accept}"), &url]);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let (kind, counter) = if is_openmetrics {
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", "# TYPE meshtax_agent_cpu_seconds counter\n")
        } else {
            ("text/plain; version=0.0.4; charset=utf-8", "# TYPE meshtax_agent_cpu_seconds_total counter\n")
        };
        assert_eq!(status, 200);
        assert!(head.lines().any(|line| line == format!("content-type: {kind}")), "{accept}: {head}");
        assert!(body.contains(counter), "{accept}: {body}");
        assert_eq!(body.ends_with("# EOF\n"), is_openmetrics, "{accept}");
    }
}

#[test]
fn a_scrape_is_compressed_where_that_is_asked_for_and_its_head_is_to_be_had_alone() {
    insist_on_root();
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let url = format!("http://{}/metrics", agent.place());
    let has = |answer: &str, field: &str| answer.lines().any(|line| line == field);
    let (status, plain) = curl(&["--include", &url]);
    assert!(status == 200 && !plain.contains("content-encoding"), "{plain}");
    let (status, compressed) = curl(&["--include", "--compressed", &url]);
    assert!(status == 200 && has(&compressed, "content-encoding: gzip"), "{compressed}");
    let counters = |answer: &str| answer.lines().filter(|line| line.starts_with("# TYPE ")).count();
    // A later scrape may have one more series, such as one about the earlier scrape.
    assert!(counters(&plain) > 10 && counters(&compressed) >= counters(&plain), "{plain}{compressed}");
    for path in ["/metrics", "/healthz", "/"] {
        let (status, head) = curl(&["--head", &url.replace("/metrics", path)]);
        assert!(status == 200 && head.contains("content-length: "), "{path}: {head}");
    }
    let (status, refusal) = curl(&["--include", "--request", "POST", &url]);
    assert!(status == 405 && has(&refusal, "allow: GET, HEAD"), "{refusal}");
}

#[test]
fn only_scrapers_with_a_certificate_of_the_authority_are_let_in() {
    insist_on_root();
    let home =
        Home::with("{listen: \"127.0.0.1:0\", tls: {certificate: server.crt, key: server.key, client_ca: ca.crt}}");
    let agent = home.agent();
    let url = format!("https://{}/metrics", agent.place());
    let [ca, certificate, key] = ["ca.crt", "client.crt", "client.key"].map(|name| home.path(name));
    assert_eq!(curl(&["--cacert", &ca, &url]).0, 0);
    assert_eq!(curl(&["--cacert", &ca, "--cert", &certificate, "--key", &key, &url]).0, 200);
    // A certificate that another authority signed.
    let stranger = Home::with("");
    let [certificate, key] = ["client.crt", "client.key"].map(|name| stranger.path(name));
    assert_eq!(curl(&["--cacert", &ca, "--cert", &certificate, "--key", &key, &url]).0, 0);
}

#[test]
fn those_who_only_hold_connections_keep_no_scraper_out() {
    insist_on_root();
    for file in ["{listen: \"127.0.0.1:0\", tls: {certificate: server.crt, key: server.key}}", "listen: 127.0.0.1:0"] {
        let home = Home::with(file);
        let agent = home.agent();
        let place = agent.place();
        // More connections than are allowed at once: silent ones, and some in the middle of a request.
        let held: Vec<TcpStream> = (0..300)
            .map(|n| {
                let mut stream = TcpStream::connect(&place).unwrap();
                stream.write_all(if n % 2 == 0 { b"" } else { b"GET /metr" }).ok();
                stream
            })
            .collect();
        let scheme = if file.contains("tls") { "https" } else { "http" };
        assert_eq!(curl(&["--insecure", &format!("{scheme}://{place}/metrics")]).0, 200);
        drop(held);
    }
}
