use measure::Arm;

use crate::figure::figure;
use crate::paragraph::{glued, paragraph};

/// What the ingress gateways of these arms used, one paragraph each. Empty if no arm has a gateway.
pub(crate) fn gateways(arms: &[Arm]) -> String {
    let told = |arm: &Arm| {
        let gateway = arm.gateway.as_ref()?;
        let value = |value: f64, unit: &str| glued(&format!("{} {unit}", figure(value, unit)));
        Some(paragraph(
            &format!(
                "arm `{}`: of its proxies' figures the ingress gateway used {} of CPU time and sent {} in {} per request, \
                 and held {}",
                arm.name,
                value(gateway.cpu_ms_per_request, "ms"),
                value(gateway.wire_bytes_per_request, "B"),
                value(gateway.wire_frames_per_request, "frames"),
                value(gateway.memory_mib, "MiB"),
            ),
            2,
        ))
    };
    arms.iter().filter_map(told).collect()
}
