//! The keys of an arm, as data.

mod table;

use std::fmt::Debug;

use plane::Sidecar;
use serde_json::Value;

pub use self::table::KEYS;

/// A key of an arm: a row of [`KEYS`].
#[derive(Debug)]
pub struct Key {
    /// Name of the key, as written.
    pub name: &'static str,
    /// The values that can be written after it.
    pub values: Values,
    /// The arms or proxies to which the key applies.
    pub bearer: Bearer,
    /// A condition on other keys that must hold wherever this one is written.
    pub need: Option<KeyNeed>,
    /// How the key changes the defaults of other keys, once its own value is set. Such keys are set before all others.
    pub base: Option<fn(&mut Sidecar)>,
    /// What the key does, in a sentence or two.
    pub about: &'static str,
    /// The object and field for the same setting in Istio, if there is one.
    pub istio: Option<&'static str>,
}

/// The values that can be written after a key.
#[derive(Debug)]
pub enum Values {
    /// One of several words, for a field of `Sidecar`.
    Word(&'static dyn Words),
    /// A whole number, for a field of `Sidecar`.
    Number(Number),
    /// A share between 0 and 1, for a field of `Sidecar`.
    Share(Trait<f64>),
    /// A value that sets no field of `Sidecar`; `file/arm.rs` reads it.
    Own(Own),
}

/// The field of a sidecar that an option sets.
pub type Trait<T> = fn(&mut Sidecar) -> &mut T;

/// A whole number within a range.
#[derive(Debug)]
pub struct Number {
    /// What the number counts.
    pub things: &'static str,
    /// The smallest valid number.
    pub least: u32,
    /// The largest valid number.
    pub most: u32,
    /// The field of `Sidecar` that it sets.
    pub of: Trait<u32>,
}

/// Values with a reader of their own.
#[derive(Debug)]
pub struct Own {
    /// The values, as members of a JSON Schema.
    pub schema: &'static str,
    /// The value if the key is not written, in JSON.
    pub default: Option<&'static str>,
}

/// Words, and what each stands for.
#[derive(Debug)]
pub struct Choice<T: 'static> {
    /// The words. `true` or `false` may mean the same as a word, because YAML 1.1 reads `on` and `off` as booleans.
    pub words: &'static [(&'static str, T)],
    /// The field of `Sidecar` that they set.
    pub of: Trait<T>,
}

/// A [`Choice`] of any type.
pub trait Words: Debug {
    /// All words, in order.
    fn names(&self) -> Vec<&'static str>;

    /// The word for the value of a sidecar.
    fn shown(&self, sidecar: &Sidecar) -> &'static str;

    /// Sets a sidecar's field to the meaning of `word`. Returns false if there is no such word.
    fn set(&self, sidecar: &mut Sidecar, word: &str) -> bool;
}

/// The arms or proxies to which a key applies. An arm without them refuses the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// Every arm.
    Arm,
    /// Proxies of any kind, gateways among them.
    Proxy,
    /// Envoys: sidecars and gateways.
    Envoy,
    /// Sidecars.
    Sidecar,
}

/// A condition on a sidecar's other options, without which a key has no meaning.
#[derive(Debug)]
pub struct KeyNeed {
    /// The condition, in a sentence.
    pub rule: &'static str,
    /// Whether the condition holds, once all keys are set.
    pub holds: fn(&Sidecar) -> bool,
    /// What is wrong if the condition does not hold.
    pub what: &'static str,
    /// What to write instead.
    pub hint: &'static str,
}

impl Bearer {
    /// A sentence that says what the key is limited to.
    fn rule(self) -> Option<&'static str> {
        match self {
            Bearer::Arm => None,
            Bearer::Proxy => Some("Proxies only."),
            Bearer::Envoy => Some("Sidecars and gateways only."),
            Bearer::Sidecar => Some("Sidecars only."),
        }
    }
}

impl Key {
    /// What the key does, and what it needs.
    pub fn sentences(&self) -> String {
        let rules = [Some(self.about), self.need.as_ref().map(|need| need.rule), self.bearer.rule()];
        rules.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// The key of that name.
    pub fn named(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The value if the key is not written, in JSON; `None` if no value does the same.
    pub fn default(&self) -> Option<String> {
        let default = Sidecar::default();
        let mut changed = default.clone();
        if let Some(base) = self.base {
            base(&mut changed);
        }
        self.value(&default).filter(|_| changed == default)
    }

    /// The value that a sidecar has, in JSON; for keys that set no field of `Sidecar`, the default.
    pub fn value(&self, sidecar: &Sidecar) -> Option<String> {
        let mut sidecar = sidecar.clone();
        match &self.values {
            Values::Word(words) => Some(Value::from(words.shown(&sidecar)).to_string()),
            Values::Number(number) => Some((number.of)(&mut sidecar).to_string()),
            Values::Share(share) => {
                let share = topology::Share(*share(&mut sidecar));
                Some(Value::from(share.to_string().replace(' ', "")).to_string())
            }
            Values::Own(own) => own.default.map(str::to_owned),
        }
    }
}

/// Whether a word is one of YAML's own, which stands for another word.
fn is_boolean(word: &str) -> bool {
    ["true", "false"].contains(&word)
}

impl<T: Copy + Debug + PartialEq> Words for Choice<T> {
    fn names(&self) -> Vec<&'static str> {
        self.words.iter().map(|(word, _)| *word).collect()
    }

    fn shown(&self, sidecar: &Sidecar) -> &'static str {
        let meaning = *(self.of)(&mut sidecar.clone());
        let mut shown = self.words.iter().filter(|(word, known)| *known == meaning && !is_boolean(word));
        shown.next().expect("every value has a word").0
    }

    fn set(&self, sidecar: &mut Sidecar, word: &str) -> bool {
        let meaning = self.words.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning);
        meaning.map(|meaning| *(self.of)(sidecar) = meaning).is_some()
    }
}

#[cfg(test)]
mod tests;
