use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use records::Counters;

use crate::label::Grouping;

/// Number of keys at which a kernel map counts as half full. Beyond it, keys without news are forgotten.
pub const MANY: usize = 4_096;

/// A network namespace and a control group, by inode.
pub type Owner = (u32, u64);

/// Sums of counters by group, which never decrease. What is new of a key is added to the group that the key has at that
/// time, and stays there.
#[derive(Debug)]
pub struct Totals<K, G, V> {
    told: HashMap<K, Booked<G, V>>,
    sums: BTreeMap<Arc<G>, Sum<V>>,
    /// Maximum number of sums, without the overflow sums.
    most: usize,
    /// Number of overflow sums.
    others: usize,
    overflows: u64,
}

/// What of one key is already in the sums.
#[derive(Debug)]
struct Booked<G, V> {
    value: V,
    /// Group that the key's counters were last added to; `None` once the key stands for something else.
    group: Option<Arc<G>>,
    changed: Duration,
}

#[derive(Debug)]
struct Sum<V> {
    value: V,
    changed: Duration,
}

impl<K: Eq + Hash + Clone, G: Grouping, V: Counters> Totals<K, G, V> {
    /// Creates sums of at most `most` groups, and overflow sums beside them.
    pub fn new(most: usize) -> Self {
        Self { told: HashMap::new(), sums: BTreeMap::new(), most, others: 0, overflows: 0 }
    }

    /// Adds what is new of a key whose counters are now at `now`. `group` is called only if anything is new.
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

    /// Adds what is new of all these keys. Counters of equal keys are added up first.
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

    /// Adds the final counters of these keys, and forgets the keys.
    pub fn count_last(&mut self, last: &[(K, V)], group: impl FnMut(&K) -> G, at: Duration) {
        self.count_all(last, group, at);
        let keys: HashSet<&K> = last.iter().map(|(key, _)| key).collect();
        self.retain(|key| !keys.contains(key));
    }

    /// Returns the group itself if there is room, or else its overflow group.
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

    /// Returns all groups and their sums.
    pub fn sums(&self) -> impl Iterator<Item = (&G, &V)> {
        self.sums.iter().map(|(group, sum)| (&**group, &sum.value))
    }

    /// Sorts owners of keys into `lively` if the key has changed after `since`, and into `quiet` if not.
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

    /// Returns the keys that have not changed after `since`, if there are more than `many` keys in all.
    pub fn quiet(&self, since: Duration, many: usize) -> HashSet<K> {
        if self.told.len() <= many {
            return HashSet::new();
        }
        let quiet = self.told.iter().filter(|(_, told)| told.changed <= since);
        quiet.map(|(key, _)| key.clone()).collect()
    }

    /// Detaches keys that stand for something else from now on. They no longer keep their sums from expiring.
    pub fn detach(&mut self, is_another: impl Fn(&K) -> bool) {
        self.told.iter_mut().filter(|(key, _)| is_another(key)).for_each(|(_, told)| told.group = None);
    }

    /// Forgets the keys for which `is_alive` is false.
    pub fn retain(&mut self, is_alive: impl Fn(&K) -> bool) {
        self.told.retain(|key, _| is_alive(key));
    }

    /// Drops sums that no key adds to and that have not changed after `since`. Overflow sums stay.
    pub fn expire(&mut self, since: Duration) {
        let fed: BTreeSet<&G> = self.told.values().filter_map(|told| told.group.as_deref()).collect();
        self.sums.retain(|group, sum| fed.contains(&**group) || sum.changed > since || **group == group.other());
    }

    /// Returns how often something was added to an overflow sum.
    pub fn overflows(&self) -> u64 {
        self.overflows
    }
}

#[cfg(test)]
mod tests;
