//! Planes that are programs of the user's own: the bundled experiment with real HAProxy and nginx.
use testbed::{Kept, Run, marks, words};

/// Requests in each arm, those before the rounds, and those with which the blocks of six rounds begin.
const REQUESTS: u64 = 40;
const WARMUP: u64 = 50;
const SETTLING: u64 = 6 * 5;
const ARMS: [&str; 2] = ["haproxy", "nginx"];

#[test]
fn haproxy_and_nginx_stand_between_services() {
    let requests = REQUESTS.to_string();
    let run = [
        "experiments/proxies.yaml",
        "--requests",
        &requests,
        "--rounds",
        "6",
        "--stands",
        "1",
        "--arms",
        "none,haproxy,nginx",
    ];
    let lab = Kept::after(&run);
    every_request_is_answered(&lab.run);
    the_run_folder_shows_what_each_adds(&lab.run);
    proxies_run_as_their_user(&lab);
    every_request_goes_through_both_proxies(&lab);
    nobody_without_a_certificate_is_answered(&lab);
    haproxy_goes_by_the_address_and_nginx_by_the_host(&lab);
    without_their_proxies_nothing_is_answered(&lab);
    let id = lab.id.clone();
    drop(lab);
    assert!(marks(&id).is_empty(), "{:?}", marks(&id));
}

fn every_request_is_answered(run: &Run) {
    for arm in ["none", "haproxy", "nginx"] {
        assert_eq!(run.metric(arm, "requests"), REQUESTS as f64, "{arm}");
        assert_eq!(run.metric(arm, "errors"), 0.0, "{arm}");
        for service in ["front", "back"] {
            let requests: u64 = run.requests(arm, service).into_iter().map(|(_, requests)| requests).sum();
            assert_eq!(requests, REQUESTS, "{service} in {arm}");
        }
    }
    for arm in ARMS {
        for metric in ["cpu_proxy_ms_per_request", "memory_proxy_mib"] {
            assert!(run.metric(arm, metric) > 0.0, "{metric} of {arm}");
        }
    }
    // Guards that read Envoy's metrics find none, and do not take that for a fault.
    let cautions = run.measurement["cautions"].as_array().unwrap();
    let of_envoy = |kind: &str| ["concurrency", "mtls_off"].contains(&kind);
    assert!(cautions.iter().all(|caution| !of_envoy(caution["kind"].as_str().unwrap())), "{cautions:?}");
}

fn the_run_folder_shows_what_each_adds(run: &Run) {
    for (arm, template) in [("haproxy", "haproxy.cfg"), ("nginx", "nginx.conf")] {
        let added = run.file(&format!("planes/{arm}.diff"));
        for file in ["redirect.nft", "command.txt", template] {
            assert!(added.contains(&format!("--- /dev/null\n+++ {arm}/front-v1/{file}\n")), "no {file} in {added}");
        }
        assert!(!added.contains("PRIVATE KEY"), "{added}");
    }
}

fn proxies_run_as_their_user(lab: &Kept) {
    for arm in ARMS {
        let users = format!("ps -o uid= -p $(pgrep -d , -x {arm}) | sort -u");
        assert_eq!(printed(lab, arm, "back-v1", &["sh", "-c", &users]).trim(), "1337", "{arm}");
    }
}

/// As the proxies themselves count: HAProxy connections, nginx requests.
fn every_request_goes_through_both_proxies(lab: &Kept) {
    let asked = REQUESTS + WARMUP + SETTLING;
    for pod in ["client", "front-v1", "back-v1"] {
        let url = "http://127.0.0.1:15000/status";
        let status = printed(lab, "nginx", pod, &["curl", "--silent", "--fail", url]);
        let counted = status.lines().nth(2).unwrap().split_whitespace().last().unwrap().parse::<u64>().unwrap();
        // The front's proxy sees each request coming in and the call going out. The rest are questions about its state.
        let seen = if pod == "front-v1" { 2 * asked } else { asked };
        assert!((seen..seen + asked).contains(&counted), "{pod}: {status}");
    }
    let told = |pod: &str, name: &str, side: &str| {
        let ask = ["curl", "--silent", "--fail", "http://127.0.0.1:15000/metrics"];
        let metrics = printed(lab, "haproxy", pod, &ask);
        let name = format!("haproxy_frontend_{name}{{proxy=\"{side}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap_or_else(|| panic!("{metrics}"));
        line.parse::<f64>().unwrap()
    };
    // Client and front keep their connections for as long as they live, and both proxies of a hop hold them.
    for (pod, side) in
        [("client", "outbound"), ("front-v1", "inbound"), ("front-v1", "outbound"), ("back-v1", "inbound")]
    {
        assert!(told(pod, "current_sessions", side) >= 1.0, "{pod} {side}");
    }
}

/// Asked by a user whom no rule redirects, the inbound side answers those alone who show a certificate of the mesh.
fn nobody_without_a_certificate_is_answered(lab: &Kept) {
    const AS_PROXY: [&str; 4] = ["setpriv", "--reuid=1337", "--regid=1337", "--clear-groups"];
    const IDENTITY: [&str; 4] = ["--cert", "/run/meshtax/certificate.pem", "--key", "/run/meshtax/key.pem"];
    // HAProxy ends the handshake; nginx answers over it that the request was bad.
    for (arm, refusal) in [("haproxy", "000"), ("nginx", "400")] {
        let status = |url: &str, more: &[&str]| {
            status_of(lab, arm, "front-v1", &[&AS_PROXY[..], &CURL, &["--insecure", url], more].concat())
        };
        assert_eq!(status("http://back:8080/", &[]), refusal, "{arm}");
        assert_eq!(status("https://back:8080/", &[]), refusal, "{arm}");
        assert_eq!(status("https://back:8080/", &IDENTITY), "200", "{arm}");
    }
}

/// A request to the address of `front` with the Host of `back`: HAProxy does not read it, nginx reads nothing else.
fn haproxy_goes_by_the_address_and_nginx_by_the_host(lab: &Kept) {
    for (arm, size) in [("haproxy", 200), ("nginx", 100)] {
        let ask = ["curl", "--silent", "--header", "Host: back:8080", "http://front:8080/"];
        assert_eq!(printed(lab, arm, "client", &ask).len(), size, "{arm}");
    }
}

fn without_their_proxies_nothing_is_answered(lab: &Kept) {
    for arm in ARMS {
        let ask = || status_of(lab, arm, "client", &[&CURL[..], &["http://front:8080/"]].concat());
        assert_eq!(ask(), "200", "{arm}");
        printed(lab, arm, "client", &["pkill", "-KILL", "-x", arm]);
        assert_eq!(ask(), "000", "{arm}");
    }
}

const CURL: [&str; 8] =
    ["curl", "--silent", "--max-time", "10", "--output", "/dev/null", "--write-out", "%{http_code}"];

/// What curl makes of an answer: 000 if there is none.
fn status_of(lab: &Kept, arm: &str, pod: &str, curl: &[&str]) -> String {
    String::from_utf8_lossy(&lab.enter(arm, pod, curl).stdout).into_owned()
}

/// What a program in a pod printed on standard output; it must have succeeded.
fn printed(lab: &Kept, arm: &str, pod: &str, program: &[&str]) -> String {
    let output = lab.enter(arm, pod, program);
    assert!(output.status.success(), "{program:?} in {arm}/{pod}: {}: {}", output.status, words(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
