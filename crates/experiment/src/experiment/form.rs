use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Location;
use topology::Mistake;

/// A value that can be written in a short form, as a word or number, or in a long form, as a list or with keys of its
/// own.
#[derive(Debug)]
pub enum Form<L> {
    /// A word or a number. Whether it is valid is checked later, when its place is known.
    Short(String),
    /// A list, or keys with values.
    Long(L),
}

/// The meaning of a word at `place`. `long` shows the form with keys, for the hint.
///
/// # Errors
/// Returns a mistake if the word is not one of `words`.
pub fn meaning<T: Copy>(word: &str, place: Location, words: &[(&str, T)], long: &str) -> Result<T, Mistake> {
    let found = words.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning);
    found.ok_or_else(|| {
        let known: Vec<String> = words.iter().map(|(known, _)| format!("`{known}`")).collect();
        let what = format!("`{}` is not possible here", word.escape_debug());
        Mistake::at(place, what, format!("write one of {}, or `{long}`", known.join(", ")))
    })
}

impl<'de, L: Deserialize<'de>> Deserialize<'de> for Form<L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms<L>(PhantomData<L>);

        impl<'de, L: Deserialize<'de>> Visitor<'de> for Forms<L> {
            type Value = Form<L>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a single value, or one with keys of its own")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Form<L>, E> {
                Ok(Form::Short(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Form<L>, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Form<L>, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Form<L>, A::Error> {
                L::deserialize(SeqAccessDeserializer::new(list)).map(Form::Long)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Form<L>, A::Error> {
                L::deserialize(MapAccessDeserializer::new(map)).map(Form::Long)
            }
        }

        deserializer.deserialize_any(Forms(PhantomData))
    }
}
