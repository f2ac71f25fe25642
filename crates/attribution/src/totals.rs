use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use records::Counters;

use crate::label::Grouping;

/// Keys of a map in the kernel from which on it is half full: then those without news are forgotten.
pub const MANY: usize = 4_096;

/// A network namespace and a control group.
pub type Owner = (u32, u64);

/// Sums of counters by group, which never fall: what is new of a key goes to the group that it has then, and stays there.
#[derive(Debug)]
pub struct Totals<K, G, V> {
    told: HashMap<K, Booked<G, V>>,
    sums: BTreeMap<Arc<G>, Sum<V>>,
    /// Sums for which there is room, beside those of the others.
    most: usize,
    /// Sums of the others.
    others: usize,
    overflows: u64,
}

/// What of a key is in the sums.
#[derive(Debug)]
struct Booked<G, V> {
    value: V,
    /// Where it went last; none if what is new will go elsewhere.
    group: Option<Arc<G>>,
    changed: Duration,
}

#[derive(Debug)]
struct Sum<V> {
    value: V,
    changed: Duration,
}

impl<K: Eq + Hash + Clone, G: Grouping, V: Counters> Totals<K, G, V> {
    /// Sums of at most so many groups, and beside them the others.
    pub fn new(most: usize) -> Self {
        Self { told: HashMap::new(), sums: BTreeMap::new(), most, others: 0, overflows: 0 }
    }

    /// Adds what is new of a key that has come to `now`; its group is asked for only where there is anything new.
    pub fn count(&mut self, key: &K, now: &V, group: impl FnOnce() -> G, at: Duration) {
        let before = self.told.get(key).map(|told| told.value);
        let news = now.since(&before.unwrap_or_default());
        if before.is_some() && news == V::default() {
            return;
        }
        let group = self.admit(group());
        let sum = self.sums.entry(Arc::clone(&group)).or_insert_with(|| Sum { value: V::default(), changed: at });
        sum.value = sum.value.plus(&news);
        sum.changed = at;
        let value = before.unwrap_or_default().plus(&news);
        self.told.insert(key.clone(), Booked { value, group: Some(group), changed: at });
    }

    /// Adds what is new of all these; counters of equal keys are one.
    pub fn count_all(&mut self, series: &[(K, V)], mut group: impl FnMut(&K) -> G, at: Duration) {
        let mut sums: HashMap<&K, V> = HashMap::new();
        for (key, counters) in series.iter().filter(|(_, counters)| *counters != V::default()) {
            let sum = sums.entry(key).or_default();
            *sum = sum.plus(counters);
        }
        for (key, counters) in sums {
            self.count(key, &counters, || group(key), at);
        }
    }

    /// Adds what these keys have come to at last, and forgets them.
    pub fn count_last(&mut self, last: &[(K, V)], group: impl FnMut(&K) -> G, at: Duration) {
        self.count_all(last, group, at);
        let keys: HashSet<&K> = last.iter().map(|(key, _)| key).collect();
        self.retain(|key| !keys.contains(key));
    }

    /// The group itself where there is room, else that of the others.
    fn admit(&mut self, group: G) -> Arc<G> {
        if let Some((known, _)) = self.sums.get_key_value(&group) {
            return Arc::clone(known);
        }
        if self.sums.len() - self.others < self.most {
            return Arc::new(group);
        }
        self.overflows += 1;
        let other = Arc::new(group.other());
        self.others += usize::from(!self.sums.contains_key(&other));
        other
    }

    /// All groups and their sums.
    pub fn sums(&self) -> impl Iterator<Item = (&G, &V)> {
        self.sums.iter().map(|(group, sum)| (&**group, &sum.value))
    }

    /// Adds owners of keys to those of whom nothing was heard since then, or to those of whom something was.
    pub fn heard(
        &self,
        since: Duration,
        owner: impl Fn(&K) -> Option<Owner>,
        quiet: &mut HashSet<Owner>,
        lively: &mut HashSet<Owner>,
    ) {
        for (key, told) in &self.told {
            let owners = if told.changed <= since { &mut *quiet } else { &mut *lively };
            owners.extend(owner(key));
        }
    }

    /// Keys without news since then, if there are more than `many` keys.
    pub fn quiet(&self, since: Duration, many: usize) -> HashSet<K> {
        if self.told.len() <= many {
            return HashSet::new();
        }
        let quiet = self.told.iter().filter(|(_, told)| told.changed <= since);
        quiet.map(|(key, _)| key.clone()).collect()
    }

    /// Keys that stand for something else from now on: they no longer hold their sums in place.
    pub fn detach(&mut self, is_another: impl Fn(&K) -> bool) {
        self.told.iter_mut().filter(|(key, _)| is_another(key)).for_each(|(_, told)| told.group = None);
    }

    /// Forgets keys that are gone.
    pub fn retain(&mut self, is_alive: impl Fn(&K) -> bool) {
        self.told.retain(|key, _| is_alive(key));
    }

    /// Drops sums to which no key adds any more and that have had no news since then. The others stay for good.
    pub fn expire(&mut self, since: Duration) {
        let fed: BTreeSet<&G> = self.told.values().filter_map(|told| told.group.as_deref()).collect();
        self.sums.retain(|group, sum| fed.contains(&**group) || sum.changed > since || **group == group.other());
    }

    /// How often something was counted among the others.
    pub fn overflows(&self) -> u64 {
        self.overflows
    }
}

#[cfg(test)]
mod tests;
