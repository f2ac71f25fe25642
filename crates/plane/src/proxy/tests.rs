use std::net::Ipv4Addr;

use super::*;
use crate::{NAMESPACE, Sidecar};

const POD: [u8; 4] = [10, 244, 0, 2];

fn workload() -> Workload {
    Workload {
        pod: "front-v1".into(),
        service: "front".into(),
        version: "v1".into(),
        namespace: NAMESPACE,
        account: "shop".into(),
        address: POD.into(),
        ports: vec![Port { number: 8080, protocol: Protocol::Http, declared: true }],
    }
}

fn destinations() -> Vec<Destination> {
    let endpoint = |pod: &str, last, version: &str, weight| MeshEndpoint {
        pod: pod.into(),
        address: Ipv4Addr::new(10, 244, 0, last),
        version: version.into(),
        weight,
    };
    let destination = |service: &str, number, protocol, last, endpoints| Destination {
        service: service.into(),
        namespace: NAMESPACE,
        port: Port { number, protocol, declared: true },
        account: "stock".into(),
        address: Ipv4Addr::new(10, 96, 1, last),
        endpoints,
    };
    let backs = vec![endpoint("back-v1", 3, "v1", 2), endpoint("back-v2", 4, "v2", 1)];
    vec![
        destination("back", 80, Protocol::Http, 1, backs),
        destination("cache", 6379, Protocol::Tcp, 2, vec![endpoint("cache-v1", 5, "v1", 1)]),
    ]
}

fn proxy(text: &str) -> Proxy {
    Proxy {
        command: vec!["proxy".into(), "-f".into(), "{{ folder }}/proxy.conf".into()],
        templates: vec![Template { name: "proxy.conf".into(), text: text.into() }],
        redirect: Redirect::Ports { inbound: Some(15006), outbound: None },
        ready: ProxyReady { port: 15006, path: None },
    }
}

fn rendered(proxy: &Proxy) -> Result<Rendered, (TemplatePart, Mistake)> {
    let (workload, destinations) = (workload(), destinations());
    proxy.render(&Surroundings { workload: &workload, destinations: &destinations, folder: "/run/meshtax" })
}

fn file(text: &str) -> String {
    rendered(&proxy(text)).unwrap().files.remove(0).text
}

#[test]
fn a_template_names_its_pod_and_every_service() {
    let text = "\
{{ pod.name }} {{ pod.address }} {{ pod.service }} {{ pod.version }} {{ pod.account }} {{ pod.identity }}
{% for port in pod.ports %}
serves {{ port.number }} {{ port.protocol }}
{% endfor %}
{{ tls.certificate }} {{ tls.key }} {{ tls.identity }} {{ tls.authority }}
{{ redirect.inbound }} {{ folder }} {{ user }}
{% for service in services %}
{{ service.name }} {{ service.fqdn }} {{ service.address }} {{ service.port }} {{ service.protocol }} {{ service.identity }}
{% for pod in service.endpoints %}
  {{ pod.pod }} {{ pod.address }} {{ pod.weight }} {{ pod.version }} {{ pod.identity }}
{% endfor %}
{% endfor %}
<&\"'> { braces } of others
";
    insta::assert_snapshot!(file(text), @r#"
    front-v1 10.244.0.2 front v1 shop spiffe://cluster.local/ns/default/sa/shop
    serves 8080 http
    /run/meshtax/certificate.pem /run/meshtax/key.pem /run/meshtax/identity.pem /run/meshtax/authority.pem
    15006 /run/meshtax 1337
    back back.default.svc.cluster.local 10.96.1.1 80 http spiffe://cluster.local/ns/default/sa/stock
      back-v1 10.244.0.3 2 v1 spiffe://cluster.local/ns/default/sa/stock
      back-v2 10.244.0.4 1 v2 spiffe://cluster.local/ns/default/sa/stock
    cache cache.default.svc.cluster.local 10.96.1.2 6379 tcp spiffe://cluster.local/ns/default/sa/stock
      cache-v1 10.244.0.5 1 v1 spiffe://cluster.local/ns/default/sa/stock
    <&"'> { braces } of others
    "#);
    assert!(file("ends with a line feed\n").ends_with("feed\n"));
}

#[test]
fn arguments_are_templates_and_the_program_is_none() {
    let strange = Proxy { command: vec!["{{ program }}".into(), "{{ pod.name }}".into()], ..proxy("") };
    assert_eq!(rendered(&strange).unwrap().command, ["{{ program }}", "front-v1"]);
    assert_eq!(rendered(&proxy("")).unwrap().command, ["proxy", "-f", "/run/meshtax/proxy.conf"]);
}

#[test]
fn what_cannot_be_filled_in_has_its_place() {
    let texts = [
        "a\nb {{ pod.nmae }}\n",
        "{{ nobody }}",
        "ä {{ redirect.outbound }}",
        "{% if nobody %}x{% endif %}",
        "{% for x in services %}\nx\n",
        "x {{ pod.name | shout }}",
        "{{ pod.name ",
        "\n{% for s in services if s.protocol == 'tcp' %}{{ refuse('no ' ~ s.name) }}{% endfor %}",
    ];
    let fault = |text: &&str| match rendered(&proxy(text)).unwrap_err() {
        (TemplatePart::File(0), fault) => format!("{fault}\n"),
        (part, _) => panic!("{part:?} is at fault for `{text}`"),
    };
    insta::assert_snapshot!(texts.iter().map(fault).collect::<String>(), @"
    line 2, column 6: `pod.nmae` is undefined
    line 1, column 4: `nobody` is undefined
    line 1, column 6: `redirect.outbound` is undefined
    line 1, column 7: `nobody` is undefined
    line 2, column 1: syntax error: unexpected end of input, expected end of block
    line 1, column 17: filter shout is unknown
    line 1, column 8: syntax error: unexpected end of input, expected end of variable block
    line 2, column 50: no cache
    ");

    let arguments = Proxy { command: vec!["proxy".into(), "-x".into(), "{{ y }}".into()], ..proxy("") };
    assert_eq!(rendered(&arguments).unwrap_err().0, TemplatePart::Command(2));
    let rules = Proxy { redirect: Redirect::Rules("{{ z }}".into()), ..proxy("") };
    assert_eq!(rendered(&rules).unwrap_err().0, TemplatePart::Rules);
}

/// The lines of the rules that decide something.
fn rules(redirect: Redirect) -> Option<String> {
    let rules = rendered(&Proxy { redirect, ..proxy("") }).unwrap().rules?;
    let lines = rules.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Some(lines.collect::<Vec<_>>().join("\n"))
}

#[test]
fn both_sides_with_istios_ports_are_istios_rules() {
    let both = Redirect::Ports { inbound: Some(15006), outbound: Some(15001) };
    let written = rendered(&Proxy { redirect: both, ..proxy("") }).unwrap().rules;
    assert_eq!(written, Some(crate::redirect(&Sidecar::default())));
    assert_eq!(rules(Redirect::Ports { inbound: None, outbound: None }), None);
    let own = Redirect::Rules("table ip mine {} # {{ user }}".into());
    assert_eq!(rules(own).as_deref(), Some("table ip mine {} # 1337"));
}

#[test]
fn a_side_that_is_not_redirected_has_no_rules() {
    insta::assert_snapshot!(rules(Redirect::Ports { inbound: Some(4143), outbound: None }).unwrap(), @"
    table ip meshtax_redirect {
    chain PREROUTING {
    type nat hook prerouting priority dstnat; policy accept;
    meta l4proto tcp jump ISTIO_INBOUND
    }
    chain ISTIO_INBOUND {
    tcp dport 15008 return
    tcp dport 15090 return
    tcp dport 15021 return
    tcp dport 15020 return
    meta l4proto tcp jump ISTIO_IN_REDIRECT
    }
    chain ISTIO_IN_REDIRECT {
    meta l4proto tcp redirect to :4143
    }
    }
    ");
    insta::assert_snapshot!(rules(Redirect::Ports { inbound: None, outbound: Some(4140) }).unwrap(), @r#"
    table ip meshtax_redirect {
    chain OUTPUT {
    type nat hook output priority -100; policy accept;
    jump ISTIO_OUTPUT
    }
    chain ISTIO_OUTPUT {
    oifname "lo" ip saddr 127.0.0.6 return
    oifname "lo" meta skuid != 1337 return
    meta skuid 1337 return
    oifname "lo" meta skgid != 1337 return
    meta skgid 1337 return
    ip daddr 127.0.0.1 return
    jump ISTIO_REDIRECT
    }
    chain ISTIO_REDIRECT {
    meta l4proto tcp redirect to :4140
    }
    }
    "#);
}
