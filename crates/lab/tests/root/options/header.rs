use super::{header, printed, seen};
use testbed::Kept;

const B3: [(&str, usize); 3] = [("x-b3-traceid", 32), ("x-b3-spanid", 16), ("x-b3-parentspanid", 16)];

pub fn traces_have_the_headers_of_their_era(lab: &Kept) {
    for (arm, sampled) in [("b3", "0"), ("of-1-9", "1")] {
        let seen = seen(lab, arm);
        for (name, length) in B3 {
            assert_eq!(header(&seen, name).map(str::len), Some(length), "{arm}: {seen}");
        }
        assert_eq!(header(&seen, "x-b3-sampled"), Some(sampled), "{arm}");
        assert_eq!(header(&seen, "traceparent"), None, "{arm}");
    }
    let traced = seen(lab, "traceparent");
    let parent = header(&traced, "traceparent").expect("the request bears its trace");
    assert!(parent.len() == 55 && parent.starts_with("00-") && parent.ends_with("-01"), "{parent}");
    for arm in ["sidecar", "today", "traceparent"] {
        let seen = seen(lab, arm);
        assert!(B3.iter().all(|(name, _)| header(&seen, name).is_none()), "{arm}: {seen}");
    }
    assert_eq!(header(&seen(lab, "sidecar"), "traceparent"), None);
}

/// The caller's half counts attempts, the called one's stands before the application.
pub fn a_sidecar_at_one_end_does_its_half(lab: &Kept) {
    for (arm, proxies, counts, peer) in [
        ("sidecar", ["client", "echo-v1"].as_slice(), true, "127.0.0.6"),
        ("server", &["echo-v1"], false, "127.0.0.6"),
        ("client", &["client", "echo-v1"], true, "10.244."),
    ] {
        for pod in ["client", "echo-v1"] {
            let stands = lab.run.folder.join(format!("planes/{arm}/{pod}/bootstrap.json")).exists();
            assert_eq!(stands, proxies.contains(&pod), "{arm}/{pod}");
        }
        // What the client's uses is told, and apart.
        let told = lab.run.arm(arm)["client_proxy"]["cpu_ms_per_request"].as_f64();
        assert_eq!(told.is_some_and(|cpu_ms| cpu_ms > 0.0), proxies.contains(&"client"), "{arm}: {told:?}");
        let seen = seen(lab, arm);
        assert_eq!(header(&seen, "x-envoy-attempt-count").is_some(), counts, "{arm}: {seen}");
        assert!(seen["peer"].as_str().unwrap().starts_with(peer), "{arm}: {seen}");
    }
}

/// Neither the called application nor the caller.
pub fn applications_never_see_what_peers_tell(lab: &Kept) {
    for arm in lab.run.measurement["arms"].as_array().unwrap() {
        let arm = arm["name"].as_str().unwrap();
        let curl = ["curl", "--silent", "--show-error", "--include", "--max-time", "5", "http://echo:9000/"];
        let said = printed(&lab.enter(arm, "client", &curl));
        // Nothing at the other end takes off what a sidecar tells a pod without one, as in Istio.
        let is_told = arm == "client";
        assert_eq!(said.contains("x-envoy-peer-metadata"), is_told, "{arm}: {said}");
    }
}

pub fn before_1_10_the_application_is_dialled_at_loopback(lab: &Kept) {
    for (arm, peer) in [("of-1-6", "127.0.0.1"), ("of-1-9", "127.0.0.1"), ("today", "127.0.0.6")] {
        assert_eq!(seen(lab, arm)["peer"], peer, "{arm}");
    }
}
