//! The manifest for Kubernetes goes with the program.

use serde_json::Value;

use super::prints;

#[test]
fn the_daemon_set_starts_the_agent_with_flags_that_it_has_and_is_scraped_where_it_listens() {
    let text = include_str!("../../../../../packaging/kubernetes/agent.yaml");
    let manifest: Value = serde_saphyr::from_str(text).unwrap();
    assert_eq!((&manifest["apiVersion"], &manifest["kind"]), (&"apps/v1".into(), &"DaemonSet".into()));
    let template = &manifest["spec"]["template"];
    assert_eq!(template["metadata"]["labels"], manifest["spec"]["selector"]["matchLabels"]);
    let [container] = &template["spec"]["containers"].as_array().unwrap()[..] else { panic!("{template}") };

    let command: Vec<&str> =
        container["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let ["/meshtax", verb, arguments @ ..] = &command[..] else { panic!("{command:?}") };
    let help = prints(&[verb, "--help"]);
    for flag in arguments.iter().filter(|argument| argument.starts_with("--")) {
        assert!(help.split_whitespace().any(|word| word == *flag), "{flag} in {help}");
    }
    let port = container["ports"][0]["containerPort"].as_u64().unwrap();
    assert!(arguments.contains(&format!("0.0.0.0:{port}").as_str()), "{command:?}");
    assert_eq!(template["metadata"]["annotations"]["prometheus.io/port"], port.to_string());

    let security = &container["securityContext"];
    assert_eq!(security["privileged"], false);
    assert_eq!(security["capabilities"]["add"], serde_json::json!(["BPF", "PERFMON", "NET_ADMIN"]));
    let mounted = container["volumeMounts"].as_array().unwrap();
    let volumes = template["spec"]["volumes"].as_array().unwrap();
    assert_eq!(mounted.len(), volumes.len());
    for (mounted, volume) in mounted.iter().zip(volumes) {
        assert_eq!((&mounted["name"], &mounted["mountPath"]), (&volume["name"], &volume["hostPath"]["path"]));
    }
}
