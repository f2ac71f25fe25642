use measure::Arm;

use crate::figure::{difference, figure};
use crate::paragraph::{glued, paragraph};

/// What the proxies beside the clients of these arms used, one paragraph each. Empty if no client has a proxy.
pub(crate) fn client_proxies(arms: &[Arm]) -> String {
    let told = |arm: &Arm| {
        let used = arm.client_proxy.as_ref()?;
        let cpu = |ms, ends| glued(difference(ms, ends, "ms").trim_start_matches('+'));
        Some(paragraph(
            &format!(
                "arm `{}`: the proxy beside the client used {} of CPU time per request and held {}, outside all totals; \
                 all proxies together used {}",
                arm.name,
                cpu(used.cpu_ms_per_request, used.cpu_ms_per_request_ci95),
                glued(&format!("{} MiB", figure(used.memory_mib, "MiB"))),
                cpu(used.cpu_all_proxies_ms_per_request, used.cpu_all_proxies_ms_per_request_ci95),
            ),
            2,
        ))
    };
    arms.iter().filter_map(told).collect()
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use measure::ClientProxyUse;

    use super::*;
    use crate::tests::run::{NONE, SIDECAR, run};

    #[test]
    fn a_clients_proxy_is_outside_all_totals() {
        let mut run = run(&[("none", &NONE), ("sidecar", &SIDECAR)], 10, 0.02);
        assert_eq!(client_proxies(&run.arms), "");
        run.arms[1].client_proxy = Some(ClientProxyUse {
            cpu_ms_per_request: 0.4312,
            cpu_ms_per_request_ci95: Some([0.42, 0.4424]),
            cpu_all_proxies_ms_per_request: 0.8731,
            cpu_all_proxies_ms_per_request_ci95: Some([0.86, 0.8862]),
            memory_mib: 19.44,
        });
        assert_snapshot!(client_proxies(&run.arms), @"
        arm `sidecar`: the proxy beside the client used 0.431 ms [0.420, 0.442] of CPU
          time per request and held 19.4 MiB, outside all totals; all proxies together
          used 0.873 ms [0.860, 0.886]
        ");
    }
}
