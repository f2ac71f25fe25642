//! Planes that are the user's own programs: their mistakes are reported before anything starts.

use std::fs;

use super::prints;
use testbed::{meshtax, refuses};

const EXPERIMENT: &str = "\
name: mine
topology: pair
arms:
  none: {plane: none}
  own:
    plane:
      command: [cat, -u, '{{ folder }}/own.conf']
      template: own.conf
      redirect: both
      ready: {port: 15000, path: /ready}
load: {sequential: {target: 'http://front:8080/', requests: 60}}
rounds: 6
idle: {windows: 8, window: 50ms}
";

const TEMPLATE: &str = "\
listen {{ redirect.inbound }}
{% for service in services %}
to {{ service.name }} {{ service.address }}
{% endfor %}
";

/// Checks that `meshtax VERB` refuses the experiment with `from` replaced by `to` in either file.
fn check_verbs(verbs: &[&str], from: &str, to: &str, error: &str, hint: &str) {
    assert_eq!([EXPERIMENT, TEMPLATE].concat().matches(from).count(), 1, "`{from}` stands in one place");
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("mine.yaml"), EXPERIMENT.replace(from, to)).unwrap();
    fs::write(home.path().join("own.conf"), TEMPLATE.replace(from, to)).unwrap();
    for verb in verbs {
        refuses(meshtax().args([verb, "mine.yaml"]), home.path(), error, hint);
    }
}

fn check(from: &str, to: &str, error: &str, hint: &str) {
    check_verbs(&["check", "run"], from, to, error, hint);
}

#[test]
fn keys_and_words() {
    let keys = "the keys here are `command`, `template`, `redirect`, `ready`";
    check("template:", "tmplate:", "mine.yaml:8:7: unknown key `tmplate`", &format!("did you mean `template`? {keys}"));
    check(
        "plane: none",
        "plane: ambient",
        "mine.yaml:4:17: `ambient` is not possible here",
        "write one of `none`, `sidecar`, or `{command: [PROGRAM, ARGUMENT, ...]}`",
    );
    check(
        "      ready: {port: 15000, path: /ready}\n",
        "",
        "mine.yaml:9:7: `ready` is missing",
        "add a line `ready: ...` here",
    );
    check(
        "redirect: both",
        "redirect: inwards",
        "mine.yaml:9:17: `inwards` is not possible here",
        "write one of `both`, `inbound`, `outbound`, `none`, or `{inbound: PORT, outbound: PORT}`",
    );
    check(
        "port: 15000",
        "port: 0",
        "mine.yaml:10:14: this is not a port",
        "write a port from 1 to 65535, such as `15006`",
    );
    check("path: /ready", "path: ready", "mine.yaml:10:34: `ready` is not a path", "write a path such as `/ready`");
    check(
        "redirect: both",
        "redirect: {inbound: 4143, rules: own.conf}",
        "mine.yaml:9:27: `rules` already decide about ports",
        "write `rules`, or `inbound` and `outbound`",
    );
    check(
        "command: [cat, -u, '{{ folder }}/own.conf']",
        "command: []",
        "mine.yaml:7:16: the command does not name a program",
        "write the program and its arguments: `command: [haproxy, -f, '{{ folder }}/haproxy.cfg']`",
    );
}

#[test]
fn options_of_sidecars() {
    check(
        "  own:\n",
        "  own:\n    concurrency: 2\n",
        "mine.yaml:6:18: `concurrency` is an option of sidecars",
        "use `plane: sidecar`",
    );
}

#[test]
fn files() {
    check(
        "template: own.conf",
        "template: [own.conf, other.conf]",
        "mine.yaml:8:28: cannot read the template `other.conf`: No such file or directory (os error 2)",
        "name a file, relative to the experiment's folder",
    );
    check(
        "template: own.conf",
        "template: [own.conf, ./own.conf]",
        "mine.yaml:8:28: the pod's folder already has a file `own.conf`",
        "give the template another name",
    );
}

#[test]
fn templates() {
    let names = "`meshtax show experiments/proxies.yaml` lists the names that a template may use";
    check("service.address", "service.adress", "own.conf:3:26: `service.adress` is undefined", names);
    check("{{ folder }}", "{{ flder }}", "mine.yaml:7:26: `flder` is undefined", names);
    check("redirect: both", "redirect: outbound", "own.conf:1:11: `redirect.inbound` is undefined", names);
    check(
        "{% endfor %}\n",
        "",
        "own.conf:3:44: syntax error: unexpected end of input, expected end of block",
        "write `{{ value }}`, `{% for x in list %} .. {% endfor %}`, `{% if x %} .. {% endif %}`",
    );
    check(
        "listen",
        "{{ refuse('no use for ' ~ pod.service) }}",
        "own.conf:1:4: no use for front",
        "templates are written in Jinja's language",
    );
    check(
        "listen",
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        "own.conf:1:1: it takes more than 5000000 steps",
        "use loops over services and endpoints only",
    );
}

/// Whether a program exists depends on the machine, so `check` does not look.
#[test]
fn programs() {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    check_verbs(
        &["run"],
        "[cat,",
        "[no-such-proxy,",
        "mine.yaml:7:17: there is no program `no-such-proxy`",
        &format!("install it, or write its path; programs without one are looked for in {path}"),
    );
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("mine.yaml");
    fs::write(&file, EXPERIMENT.replace("[cat,", "[no-such-proxy,")).unwrap();
    fs::write(home.path().join("own.conf"), TEMPLATE).unwrap();
    assert!(prints(&["check", file.to_str().unwrap()]).starts_with("experiment mine: arms none, own\n"));
}
