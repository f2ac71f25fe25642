use measure::{Arm, ServiceCount};

use crate::figure::count;
use crate::grid::{ARMS_ABREAST, GridColumn, grid};
use crate::paragraph::paragraph;

/// Requests that each pod counted, one column per arm. Empty if no pod received a request.
pub(crate) fn pods(arms: &[Arm]) -> String {
    let tables: Vec<String> = arms.chunks(ARMS_ABREAST).filter_map(table).collect();
    tables.join("\n") + &errors(arms)
}

fn table(arms: &[Arm]) -> Option<String> {
    let mut pods: Vec<&str> = Vec::new();
    for pod in arms.iter().flat_map(|arm| &arm.services) {
        if !pods.contains(&pod.pod.as_str()) {
            pods.push(&pod.pod);
        }
    }
    if pods.is_empty() {
        return None;
    }
    let header = std::iter::once("Requests received".to_owned()).chain(arms.iter().map(|arm| arm.name.clone()));
    let rows = pods.into_iter().map(|pod| {
        let cells = arms.iter().map(|arm| find(arm, pod).map_or_else(String::new, |seen| seen.requests.to_string()));
        std::iter::once(format!("  {pod}")).chain(cells).collect()
    });
    Some(grid(&vec![GridColumn::RIGHT; arms.len()], std::iter::once(header.collect()).chain(rows)))
}

fn find<'a>(arm: &'a Arm, pod: &str) -> Option<&'a ServiceCount> {
    arm.services.iter().find(|seen| seen.pod == pod)
}

fn errors(arms: &[Arm]) -> String {
    let seen = arms.iter().flat_map(|arm| arm.services.iter().map(move |pod| (arm, pod)));
    seen.filter(|(_, pod)| pod.errors > 0)
        .map(|(arm, pod)| {
            let requests = count(pod.requests, "request");
            paragraph(
                &format!("arm `{}`: `{}` answered {} of {requests} with an error", arm.name, pod.pod, pod.errors),
                2,
            )
        })
        .collect()
}
