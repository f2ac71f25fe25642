use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserialize, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};

/// What can be written in two ways: short, as a word or a number, or long, as a list or with keys of its own.
#[derive(Debug)]
pub enum Form<S, L> {
    /// A word or a number.
    Short(S),
    /// A list, or keys with values.
    Long(L),
}

impl<'de, S: Deserialize<'de>, L: Deserialize<'de>> Deserialize<'de> for Form<S, L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms<S, L>(PhantomData<(S, L)>);

        impl<'de, S: Deserialize<'de>, L: Deserialize<'de>> Visitor<'de> for Forms<S, L> {
            type Value = Form<S, L>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a single value, or one with keys of its own")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Form<S, L>, E> {
                S::deserialize(text.into_deserializer()).map(Form::Short)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Form<S, L>, E> {
                S::deserialize(number.into_deserializer()).map(Form::Short)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Form<S, L>, E> {
                S::deserialize(number.into_deserializer()).map(Form::Short)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Form<S, L>, A::Error> {
                L::deserialize(SeqAccessDeserializer::new(list)).map(Form::Long)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Form<S, L>, A::Error> {
                L::deserialize(MapAccessDeserializer::new(map)).map(Form::Long)
            }
        }

        deserializer.deserialize_any(Forms(PhantomData))
    }
}
