mod check;
mod cycle;
mod explain;
mod file;
mod hop;
mod word;

pub use explain::{nearest, one_of};

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_saphyr::Spanned;

use crate::{Mistake, Topology};

/// Reads and checks a whole topology file.
///
/// Single values are checked first, in the order of the file, then how the parts fit together.
///
/// # Errors
///
/// Returns the first [`Mistake`], always with its place and a hint.
pub fn read_topology(text: &str) -> Result<Topology, Mistake> {
    check::topology(&read_yaml(text)?)
}

/// Reads one YAML document. A caller's own `Deserialize` may put a hint into its error: the text after the first line
/// feed of the message becomes [`Mistake::hint`].
///
/// # Errors
///
/// Returns a [`Mistake`] with its place if the text is not YAML, or not what `T` expects.
pub fn read_yaml<T: DeserializeOwned>(text: &str) -> Result<T, Mistake> {
    serde_saphyr::from_str(text).map_err(|error| explain::fault(&error))
}

/// A map in the order of the file, with the places of its keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Named<T, K = String>(pub Vec<(Spanned<K>, T)>);

impl<'de, T: Deserialize<'de>, K: Deserialize<'de>> Deserialize<'de> for Named<T, K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T, K>(PhantomData<(T, K)>);

        impl<'de, T: Deserialize<'de>, K: Deserialize<'de>> Visitor<'de> for Entries<T, K> {
            type Value = Named<T, K>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names, each with a colon and a value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<T, K>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Named(entries))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

#[cfg(test)]
mod tests;
