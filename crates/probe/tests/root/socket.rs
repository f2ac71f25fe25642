use std::collections::BTreeMap;
use testbed::Namespace;

/// The output of `ss` for one socket.
#[derive(Clone, Debug, PartialEq)]
pub struct Socket(BTreeMap<String, String>);

impl Socket {
    /// Returns the socket at `port` once nothing is in flight and two readings agree.
    pub fn settled(namespace: &Namespace, port: u16) -> Self {
        let mut before = Self::at(namespace, port);
        loop {
            let now = Self::at(namespace, port);
            if now == before && !now.0.contains_key("unacked") {
                return now;
            }
            before = now;
        }
    }

    /// Fields that change only with time are left out.
    fn at(namespace: &Namespace, port: u16) -> Self {
        let line = namespace.inside(&["ss", "-tinHO", "state", "established", &format!("sport = :{port}")]);
        assert_eq!(line.lines().count(), 1, "{line}");
        let facts = line.split_whitespace().filter_map(|word| word.split_once(':'));
        let facts = facts.filter(|(name, _)| !name.starts_with("last") && *name != "busy" && *name != "rwnd_limited");
        Self(facts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Returns a count; 0 if `ss` does not print it.
    pub fn number(&self, name: &str) -> u64 {
        self.0.get(name).map_or(0, |value| value.rsplit('/').next().unwrap().parse().unwrap())
    }

    /// Returns the smoothed round-trip time, its mean deviation and the minimum, in microseconds.
    pub fn round_trip_us(&self) -> [u64; 3] {
        let (smoothed, deviation) = self.0["rtt"].split_once('/').unwrap();
        [smoothed, deviation, &self.0["minrtt"]].map(|ms| (ms.parse::<f64>().unwrap() * 1e3).round() as u64)
    }
}
