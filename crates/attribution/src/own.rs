use crate::cost::Cost;
use crate::ledger::Ledger;
use crate::metric::{Family, MetricKind};
use crate::scrape::Scrape;

/// Returns metrics about the agent itself: what it costs and what it missed.
pub fn own(reading: &Scrape, ledger: &Ledger) -> Vec<Family> {
    let Scrape { cost, connections, .. } = reading;
    let (series, losses) = (ledger.tcp.series(), ledger.tcp.losses());
    let mut events = Family::new(
        "meshtax_agent_events_lost_total",
        MetricKind::Counter,
        "Events lost because they were not read in time. Metrics do not depend on events.",
    );
    for (kind, lost) in losses.by_kind() {
        events.add(vec![("event", format!("{kind:?}").to_lowercase().into())], lost as f64);
    }
    let mut overflow = Family::new(
        "meshtax_agent_series_overflow_total",
        MetricKind::Counter,
        "Times that a value was added to the series `other`, because the kernel's map or the exposition was full.",
    );
    for (place, times) in [("kernel", losses.series), ("exposition", ledger.overflows())] {
        overflow.add(vec![("place", place.into())], times as f64);
    }
    let one = |name, kind, help, value: f64| {
        let mut family = Family::new(name, kind, help);
        family.add(Vec::new(), value);
        family
    };
    let process = [
        one(
            "meshtax_agent_sockets_untracked_total",
            MetricKind::Counter,
            "Sockets not followed for lack of room.",
            losses.sockets as f64,
        ),
        one(
            "meshtax_agent_sockets_late_total",
            MetricKind::Counter,
            "Sockets first seen after they had moved bytes. Those bytes are in no counter.",
            losses.late as f64,
        ),
        one("meshtax_agent_series", MetricKind::Gauge, "Series in the kernel's TCP map.", series.len() as f64),
        one("meshtax_agent_sockets", MetricKind::Gauge, "Sockets followed now.", connections.len() as f64),
        one(
            "meshtax_agent_cpu_seconds_total",
            MetricKind::Counter,
            "CPU time used by the agent's processes.",
            cost.cpu_s,
        ),
        one(
            "meshtax_agent_resident_memory_bytes",
            MetricKind::Gauge,
            "Resident memory of the agent's processes.",
            cost.memory_bytes as f64,
        ),
        one("meshtax_agent_reading_seconds", MetricKind::Gauge, "Duration of this reading.", cost.reading_s),
    ];
    [events, overflow].into_iter().chain(process).chain(in_kernel(cost)).collect()
}

/// Returns metrics about the agent's BPF programs and maps.
fn in_kernel(cost: &Cost) -> [Family; 5] {
    let seconds = "Time spent in the agent's BPF programs, while the kernel times them (--bpf-stats).";
    let mut time = Family::new("meshtax_agent_bpf_run_seconds_total", MetricKind::Counter, seconds);
    let mut runs = Family::new(
        "meshtax_agent_bpf_runs_total",
        MetricKind::Counter,
        "Runs of the agent's BPF programs, while the kernel times them (--bpf-stats).",
    );
    let mut misses = Family::new(
        "meshtax_agent_bpf_misses_total",
        MetricKind::Counter,
        "Runs of the agent's BPF programs skipped by the kernel, because the program was already running on that CPU.",
    );
    for (witness, program) in &cost.programs {
        let labels = vec![("witness", (*witness).into()), ("program", program.program.as_str().into())];
        misses.add(labels.clone(), program.misses as f64);
        if cost.is_timed {
            time.add(labels.clone(), program.time.as_secs_f64());
            runs.add(labels, program.runs as f64);
        }
    }
    let mut entries = Family::new("meshtax_agent_map_entries", MetricKind::Gauge, "Entries in the agent's BPF maps.");
    let mut most = Family::new(
        "meshtax_agent_map_max_entries",
        MetricKind::Gauge,
        "Maximum number of entries in the agent's BPF maps.",
    );
    for (witness, fill) in &cost.maps {
        let labels = vec![("witness", (*witness).into()), ("map", fill.map.as_str().into())];
        entries.add(labels.clone(), fill.entries as f64);
        most.add(labels, fill.max_entries as f64);
    }
    [time, runs, misses, entries, most]
}
