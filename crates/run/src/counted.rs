use measure::Histogram;

/// What one pod's service has counted since it started, or between two countings.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    /// Name of the pod.
    pub pod: String,
    /// Requests received.
    pub requests: u64,
    /// Requests answered with an error.
    pub errors: u64,
    /// Bytes answered.
    pub sent_bytes: u64,
    /// Wall time that passed in waits, in nanoseconds.
    pub waited_ns: u64,
    /// CPU time that scripts burned, in nanoseconds.
    pub burned_ns: u64,
    /// Calls to other services, always in the same order.
    pub calls: Vec<Called>,
}

/// Calls to one path of one service.
#[derive(Clone, Debug, Default)]
pub struct Called {
    /// Service called.
    pub service: String,
    /// Path called; empty for `tcp`.
    pub path: String,
    /// Calls made; a call with its retries is one.
    pub calls: u64,
    /// Calls that failed after all retries.
    pub failures: u64,
    /// Attempts after the first.
    pub retries: u64,
    /// Latency of calls that did not fail.
    pub latency: Histogram,
}

impl Counted {
    /// What is new since an earlier counting of the same pod.
    pub fn since(&self, earlier: &Self) -> Self {
        let calls = self.calls.iter().zip(&earlier.calls).map(|(called, earlier)| called.since(earlier));
        Self {
            pod: self.pod.clone(),
            requests: self.requests - earlier.requests,
            errors: self.errors - earlier.errors,
            sent_bytes: self.sent_bytes - earlier.sent_bytes,
            waited_ns: self.waited_ns - earlier.waited_ns,
            burned_ns: self.burned_ns - earlier.burned_ns,
            calls: calls.collect(),
        }
    }

    /// Adds what the same pod counted at another time.
    pub fn add(&mut self, more: &Self) {
        self.requests += more.requests;
        self.errors += more.errors;
        self.sent_bytes += more.sent_bytes;
        self.waited_ns += more.waited_ns;
        self.burned_ns += more.burned_ns;
        for (called, more) in self.calls.iter_mut().zip(&more.calls) {
            called.calls += more.calls;
            called.failures += more.failures;
            called.retries += more.retries;
            called.latency.merge(&more.latency);
        }
    }
}

impl Called {
    fn since(&self, earlier: &Self) -> Self {
        Self {
            service: self.service.clone(),
            path: self.path.clone(),
            calls: self.calls - earlier.calls,
            failures: self.failures - earlier.failures,
            retries: self.retries - earlier.retries,
            latency: self.latency.since(&earlier.latency),
        }
    }
}
