//! The keys of an arm, as data.

mod table;

use std::fmt::Debug;

use plane::Sidecar;
use serde_json::Value;

pub use self::table::KEYS;

/// A key of an arm: a row of [`KEYS`].
#[derive(Debug)]
pub struct Key {
    /// Name, as it is written.
    pub name: &'static str,
    /// What may be written behind it.
    pub values: Values,
    /// What it changes.
    pub bearer: Bearer,
    /// What must hold wherever it is written.
    pub need: Option<KeyNeed>,
    /// What it does to the defaults of other keys, once its own value is set. Such keys are set before all others.
    pub base: Option<fn(&mut Sidecar)>,
    /// What it does, in a sentence or two.
    pub about: &'static str,
    /// The object and field with which a user of Istio asks for the same, if there is one.
    pub istio: Option<&'static str>,
}

/// What may be written behind a key.
#[derive(Debug)]
pub enum Values {
    /// One of several words, for a trait of a sidecar.
    Word(&'static dyn Words),
    /// A whole number, for a trait of a sidecar.
    Number(Number),
    /// A share between 0 and 1, for a trait of a sidecar.
    Share(Trait<f64>),
    /// What sets no trait of a sidecar. `file/arm.rs` reads it.
    Own(Own),
}

/// The field of a sidecar that an option sets.
pub type Trait<T> = fn(&mut Sidecar) -> &mut T;

/// A whole number within a range.
#[derive(Debug)]
pub struct Number {
    /// What it counts.
    pub things: &'static str,
    /// The least possible one.
    pub least: u32,
    /// The greatest possible one.
    pub most: u32,
    /// Where it goes.
    pub of: Trait<u32>,
}

/// Values with a reader of their own.
#[derive(Debug)]
pub struct Own {
    /// What they are, as members of a JSON Schema.
    pub schema: &'static str,
    /// What holds if the key is not written, in JSON.
    pub default: Option<&'static str>,
}

/// Words, and what each stands for.
#[derive(Debug)]
pub struct Choice<T: 'static> {
    /// The words. Beside a word, `true` or `false` may mean the same: what YAML of old made of it.
    pub words: &'static [(&'static str, T)],
    /// Where their meaning goes.
    pub of: Trait<T>,
}

/// A [`Choice`] whatever its type.
pub trait Words: Debug {
    /// All words, in their order.
    fn names(&self) -> Vec<&'static str>;

    /// The word for what a sidecar has.
    fn shown(&self, sidecar: &Sidecar) -> &'static str;

    /// Gives a sidecar what `word` stands for; false if there is no such word.
    fn set(&self, sidecar: &mut Sidecar, word: &str) -> bool;
}

/// Whom a key changes. Written in an arm that has none of them, it is refused.
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

/// What must hold of a sidecar, so that a key means anything beside its others.
#[derive(Debug)]
pub struct KeyNeed {
    /// Beside what it may be written, in a sentence.
    pub rule: &'static str,
    /// Whether it holds, once all keys are set.
    pub holds: fn(&Sidecar) -> bool,
    /// What is wrong where it does not.
    pub what: &'static str,
    /// What to write instead.
    pub hint: &'static str,
}

impl Bearer {
    /// Whom alone it concerns, in a sentence.
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
    /// What it does, and beside what it may be written.
    pub fn sentences(&self) -> String {
        let rules = [Some(self.about), self.need.as_ref().map(|need| need.rule), self.bearer.rule()];
        rules.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// The row of that name.
    pub fn named(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// What holds if it is not written, in JSON; nothing where no value does the same.
    pub fn default(&self) -> Option<String> {
        let default = Sidecar::default();
        let mut changed = default.clone();
        if let Some(base) = self.base {
            base(&mut changed);
        }
        self.value(&default).filter(|_| changed == default)
    }

    /// The value that a sidecar has, in JSON; for what is no trait of sidecars, the default.
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
