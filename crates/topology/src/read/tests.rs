mod calls;
mod services;

use proptest::prelude::*;

use super::*;
use crate::{Call, Connections, Step, Version, Work};

const BOOKINFO: &str = include_str!("../../../../topologies/bookinfo-lean.yaml");
const BOOKINFO_TUNED: &str = include_str!("../../../../topologies/bookinfo.yaml");
const PAIR: &str = include_str!("../../../../topologies/pair.yaml");

fn print<T>(read: Result<T, Mistake>) -> String {
    match read {
        Ok(_) => "valid".to_owned(),
        Err(Mistake { line, column, what, hint }) => {
            format!("{line}:{column}: {what} | {}", hint.expect("a fault that was read has a hint"))
        }
    }
}

/// Checks a whole file `text` against `line:column: what | hint`, or `valid`.
fn check(text: &str, expect: &str) {
    let actual = print(read_topology(text));
    assert_eq!(actual, expect, "for\n{text}");
}

/// As [`check`], for the text below `services`, from line 3 on with two spaces of indentation.
fn check_services(services: &str, expect: &str) {
    let lines = services.lines().map(|line| format!("  {line}\n")).collect::<String>();
    check(&format!("name: app\nservices:\n{lines}"), expect);
}
/// As [`check`], for the keys of a service `web` with a port, from line 5 on with four spaces of indentation.
fn check_web(keys: &str, expect: &str) {
    let keys = keys.lines().map(|line| format!("  {line}\n")).collect::<String>();
    check_services(&format!("web:\n  port: 80\n{keys}"), expect);
}

/// As [`check`], for one step of a script, in line 8 from column 11 on. `back` answers `/x`, and `line` is tcp.
fn check_step(step: &str, expect: &str) {
    check_services(
        &format!(
            "web:\n  port: 80\n  endpoints:\n    /:\n      script:\n        - {step}\n\
             back: {{port: 81, endpoints: {{/x: {{}}}}}}\nline: {{port: 82, protocol: tcp, response: 9}}"
        ),
        expect,
    );
}

#[test]
fn files() {
    check("", "1:1: the file is empty or ends too early | write `key: value` lines");
    check("name: app", "1:1: `services` is missing | add a line `services: ...` here");
    check("name: app\nservices: {}", "2:11: there are no services | add one: `web: {port: 8080, ...}`");
    check(
        "name: app\nservices: []",
        "2:11: this value has the wrong shape | write `key: value` pairs, or `{}` for none",
    );
    check("name: app\nservices:", "2:9: this value has the wrong shape | write `key: value` pairs, or `{}` for none");
    check("- a", "1:1: this value has the wrong shape | write `key: value` pairs, or `{}` for none");
    check("just text", "1:1: this value has the wrong shape | write `key: value` pairs, or `{}` for none");
    check("name: [", "1:7: this value has the wrong shape | write a single value");
    check(
        "name: app\n  services: {}",
        "1:7: `app services` is not a DNS label | write lower-case letters, digits and `-`, starting with a letter",
    );
    check(
        "name: app\n\tservices: {}",
        "1:7: not YAML: while scanning a plain scalar, found a tab | indent with spaces, and quote text that contains `: `, ` #`, `{` or `[`",
    );
    check(
        "name: My App\nservices: {}",
        "1:7: `My App` is not a DNS label | write lower-case letters, digits and `-`, starting with a letter",
    );
    check("name: app\nname: app\nservices: {}", "2:1: duplicate key `name` | keep one of the two");
    check(
        "name: app\nservcies: {}",
        "2:1: unknown key `servcies` | did you mean `services`? the keys here are `name`, `description`, `services`",
    );
    check(
        "name: app\nservices: {}\n---\nname: b\n",
        "4:1: a second document starts here | keep one document: remove `---` and what follows",
    );
    check(
        "name: *a\nservices: {}",
        "1:7: this alias has no anchor | write the anchor `&name` above, or quote text that starts with `*`",
    );
}

#[test]
fn a_chain_as_long_as_the_file() {
    let endpoints = |number| format!("    /{number}: {{script: [call: a/{}]}}\n", number + 1);
    let chain = (0..5000).map(endpoints).collect::<String>();
    check(&format!("name: app\nservices:\n  a:\n   port: 80\n   endpoints:\n{chain}    /5000: {{}}"), "valid");
}

#[test]
fn nesting_without_end() {
    check(
        &"[".repeat(200_000),
        "1:256: not YAML: recursion limit exceeded | indent with spaces, and quote text that contains `: `, ` #`, `{` or `[`",
    );
}

#[test]
fn anchors_and_merge_keys() {
    check_services("a: &a {port: 80, endpoints: {/: {}}}\nb: {<<: *a, port: 81}\nc: *a", "valid");
    check_services(
        "a: &a {port: 80, endpoints: {/: {script: [call: d/]}}}\nb: {<<: *a, port: 81}",
        "3:51: there is no service `d` | write one of `a`, `b`",
    );
    check_services(
        "a: &a {port: 80, instances: 2, endpoints: {/: {}}}\nb:\n  <<: *a\n  versions: {v1: {}}",
        "5:9: `instances` cannot be used with `versions` | remove it, and write `instances` under each version",
    );
}

#[test]
fn words_of_another_file() {
    #[derive(Debug, serde::Deserialize)]
    struct Other {
        #[serde(rename = "rounds", deserialize_with = "odd")]
        _rounds: u32,
    }
    fn odd<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let rounds = u32::deserialize(deserializer)?;
        if rounds % 2 == 1 { Ok(rounds) } else { Err(serde::de::Error::custom("rounds are even\nwrite an odd number")) }
    }
    let read = |text: &str| print(read_yaml::<Other>(text));
    assert_eq!(read("rounds: 3"), "valid");
    assert_eq!(read("rounds: 4"), "1:9: rounds are even | write an odd number");
    assert_eq!(
        read("rounds: x"),
        "1:9: this is not a valid number | write a whole number from 0 up, of 32 bits at most"
    );
}

#[test]
fn bookinfo() {
    let topology = read_topology(BOOKINFO).expect("the bundled file is valid");
    let pods: Vec<_> = topology.pods().map(|pod| format!("{} {:.3}", pod.name(), pod.share())).collect();
    assert_eq!(
        pods,
        [
            "productpage-v1 1.000",
            "details-v1 1.000",
            "reviews-v1 0.333",
            "reviews-v2 0.333",
            "reviews-v3 0.333",
            "ratings-v1 1.000"
        ]
    );
    let page = topology.service("productpage").expect("there is a page");
    assert_eq!((page.account.as_str(), page.connections), ("bookinfo-productpage", Connections::New));
    assert_eq!(page.propagate, topology.service("reviews").expect("there are reviews").propagate);
    let Work::Simulated { endpoints, memory_bytes } = &page.versions[0].work else { panic!("the page is simulated") };
    assert_eq!(*memory_bytes, 24 << 20);
    let reviews = Call {
        service: "reviews".into(),
        path: "/reviews/0".into(),
        timeout: std::time::Duration::from_secs(3),
        retries: 1,
        request_bytes: 0,
    };
    assert_eq!(endpoints[0].script.last(), Some(&Step::Calls(vec![reviews])));
}

/// The headers that release 1.9.1 of Istio forwards, which the studies measured.
const FORWARDED: [&str; 16] = [
    "x-request-id",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "x-ot-span-context",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "traceparent",
    "tracestate",
    "x-cloud-trace-context",
    "grpc-trace-bin",
    "user-agent",
    "end-user",
];

#[test]
fn both_bookinfos_forward_and_answer_what_the_real_one_does() {
    for file in [BOOKINFO, BOOKINFO_TUNED] {
        let topology = read_topology(file).expect("the bundled file is valid");
        for (service, forwarded) in
            [("productpage", &FORWARDED[..]), ("details", &[]), ("reviews", &FORWARDED), ("ratings", &[])]
        {
            assert_eq!(topology.service(service).expect("it has four services").propagate, forwarded, "{service}");
        }
        let answers: Vec<_> =
            topology.services.iter().flat_map(|service| &service.versions).flat_map(answers).collect();
        let (page, json) = ("text/html; charset=utf-8", "application/json");
        let expected = [
            ("/productpage", 5183, page),
            ("/health", 23, page),
            ("/details/0", 178, json),
            ("/health", 31, json),
            ("/reviews/0", 295, json),
            ("/health", 32, json),
            ("/reviews/0", 379, json),
            ("/health", 32, json),
            ("/reviews/0", 375, json),
            ("/health", 32, json),
            ("/ratings/0", 48, json),
            ("/health", 31, json),
        ];
        assert_eq!(answers, expected, "{}", topology.name);
    }
}

/// Path, size and content type of each response.
fn answers(version: &Version) -> Vec<(&str, u64, &str)> {
    let Work::Simulated { endpoints, .. } = &version.work else { panic!("all of it is simulated") };
    endpoints.iter().map(|it| (&*it.path, it.response_bytes, &*it.content_type)).collect()
}

#[test]
fn pair() {
    assert_eq!(read_topology(PAIR).expect("the bundled file is valid").pods().count(), 2);
}

#[test]
fn examples_in_the_comments_are_valid() {
    let (_, examples) = BOOKINFO.split_once("can be a real program instead").expect("the file ends with examples");
    let examples = examples.lines().filter_map(|line| line.strip_prefix("#  ")).collect::<Vec<_>>().join("\n");
    check_services(&examples, "valid");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in r"[a-z0-9:\-{}\[\]&*!|>'%#\\\n /,.\PC]{0,200}") {
        print(read_topology(&text));
    }

    /// Every mistake that a typing error puts into a valid file has a place.
    #[test]
    fn slips_have_a_place(at in 0..BOOKINFO.len(), cut in 0..40_usize, typed in r"[a-z0-9:\-{}\[\]&*\n /]{0,8}") {
        let [at, end] = [at, at + cut].map(|place| BOOKINFO.floor_char_boundary(place));
        let text = format!("{}{typed}{}", &BOOKINFO[..at], &BOOKINFO[end..]);
        if let Err(fault) = read_topology(&text) {
            prop_assert!(fault.line > 0 && fault.column > 0 && fault.hint.is_some(), "{fault:?}");
        }
    }
}
