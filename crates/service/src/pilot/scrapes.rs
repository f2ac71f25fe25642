use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What the agent counts of itself, under pilot-agent's names.
#[derive(Debug, Default)]
pub(super) struct Scrapes {
    total: AtomicU64,
    failures_envoy: AtomicU64,
    failures_application: AtomicU64,
    startup: Mutex<Option<Duration>>,
}

impl Scrapes {
    /// Notes a scrape, and whether Envoy and the application answered it.
    pub fn count(&self, envoy_answered: bool, application_answered: bool) {
        self.total.fetch_add(1, Relaxed);
        self.failures_envoy.fetch_add(u64::from(!envoy_answered), Relaxed);
        self.failures_application.fetch_add(u64::from(!application_answered), Relaxed);
    }

    /// Notes how long it took until Envoy was ready.
    pub fn started_after(&self, time: Duration) {
        *self.startup.lock().expect("no thread panics while it holds this") = Some(time);
    }

    /// In Prometheus's text format.
    pub fn text(&self) -> String {
        let mut text = format!(
            "# HELP istio_agent_scrapes_total The total number of scrapes.\n\
             # TYPE istio_agent_scrapes_total counter\n\
             istio_agent_scrapes_total {}\n\
             # HELP istio_agent_scrape_failures_total The total number of failed scrapes.\n\
             # TYPE istio_agent_scrape_failures_total counter\n\
             istio_agent_scrape_failures_total{{type=\"envoy\"}} {}\n\
             istio_agent_scrape_failures_total{{type=\"application\"}} {}\n",
            self.total.load(Relaxed),
            self.failures_envoy.load(Relaxed),
            self.failures_application.load(Relaxed)
        );
        if let Some(time) = *self.startup.lock().expect("no thread panics while it holds this") {
            text += &format!(
                "# HELP istio_agent_startup_duration_seconds The time from the process starting to being marked ready.\n\
                 # TYPE istio_agent_startup_duration_seconds gauge\n\
                 istio_agent_startup_duration_seconds {}\n",
                time.as_secs_f64()
            );
        }
        text
    }
}
