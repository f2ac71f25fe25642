use crate::registry::tests::Imagined;

use super::*;

#[test]
fn a_pod_of_a_lab_is_told_with_its_arm() {
    let arms = ["meshtax-1ra-sidecar-", "meshtax-1ra-sidecar-tuned-", "meshtax-2rb-sidecar-"];
    let check = |name: &str, pod: &str, network: &str| {
        let who = who_of_namespace(name, &arms);
        assert_eq!((&*who.pod, &*who.network), (pod, network), "{name}");
    };
    check("meshtax-1ra-sidecar-reviews-v1", "sidecar-reviews-v1", arms[0]);
    check("meshtax-1ra-sidecar-tuned-reviews-v1", "sidecar-tuned-reviews-v1", arms[1]);
    check("meshtax-2rb-sidecar-reviews-v1", "sidecar-reviews-v1", arms[2]);
    check("blue", "blue", "");
}

#[test]
fn a_pod_of_a_lab_is_part_of_a_service_of_its_arm() {
    let arms = ["meshtax-1ra-sidecar-", "meshtax-1ra-sidecar-tuned-"];
    let check = |name: &str, part: Option<(&str, &str)>, cluster: Option<&str>| {
        let who = who_of_namespace(name, &arms);
        let told = who.part.as_ref().map(|part| (&*part.service, &*part.version));
        assert_eq!((told, who.cluster.as_deref()), (part, cluster), "{name}");
    };
    check("meshtax-1ra-sidecar-reviews-v1", Some(("reviews", "v1")), Some("sidecar"));
    check("meshtax-1ra-sidecar-tuned-reviews-v2-11", Some(("reviews", "v2")), Some("sidecar-tuned"));
    check("meshtax-1ra-sidecar-shop-front-v1", Some(("shop-front", "v1")), Some("sidecar"));
    check("meshtax-1ra-sidecar-client", None, Some("sidecar"));
    check("meshtax-1ra-sidecar-istio-ingressgateway", None, Some("sidecar"));
    check("meshtax-1ra-none-reviews-v1", None, None);
    check("blue-v1", None, None);
}

#[test]
fn peers_are_kept_once_and_as_long_as_somebody_holds_them() {
    let mut namer = Namer::new(Imagined::default());
    let (first, again) = (namer.peer(0, 0, "curl"), namer.peer(0, 0, "curl"));
    assert!(Arc::ptr_eq(&first, &again));
    drop((first, again));
    let nginx = namer.peer(0, 0, "nginx");
    assert_eq!(namer.peers, HashSet::from([nginx]));
}
