//! An arm as written, with the keys of the table.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_saphyr::{Location, Spanned};
use topology::Share;

use super::{Add, GatewayName, WatchFile};
use crate::experiment::form::Form;
use crate::experiment::key::{KEYS, Key, Number, Trait, Values, Words};
use crate::experiment::program::ProxyFile;
use crate::experiment::unit::{LimitsFile, Period};

/// An arm as written.
#[derive(Debug)]
pub struct ArmFile {
    pub plane: Spanned<Form<Box<ProxyFile>>>,
    /// The gateway in front of the services.
    pub gateway: GatewayName,
    /// Options of sidecars, in the order of the table.
    pub options: Vec<OptionFile>,
    /// Period of the sidecars' readiness probes.
    pub probe_period: Option<Spanned<Period>>,
    /// Period of the readiness probes of applications with a `ready` path.
    pub app_probe_period: Option<Spanned<Period>>,
    /// Limits of each proxy.
    pub limits: Option<Spanned<LimitsFile>>,
    /// Whether the kernel witness is attached during its blocks.
    pub watch: Option<WatchFile>,
    /// A known cost, for calibration.
    pub add: Option<Add>,
}

/// An option of sidecars as written.
#[derive(Debug)]
pub struct OptionFile {
    pub key: &'static Key,
    pub value: OptionValue,
}

/// The value of an option, and the values that are possible.
#[derive(Debug)]
pub enum OptionValue {
    Word(Spanned<String>, &'static dyn Words),
    Number(Spanned<u32>, &'static Number),
    Share(Spanned<Share>, Trait<f64>),
}

impl OptionFile {
    /// The place of the value in the file.
    pub fn place(&self) -> Location {
        match &self.value {
            OptionValue::Word(word, _) => word.referenced,
            OptionValue::Number(number, _) => number.referenced,
            OptionValue::Share(share, _) => share.referenced,
        }
    }

    /// Reads the value after `key`, if the key is an option of sidecars.
    fn read<'de, A: MapAccess<'de>>(key: &'static Key, map: &mut A) -> Result<Option<OptionFile>, A::Error> {
        let value = match &key.values {
            Values::Word(words) => map.next_value::<Option<_>>()?.map(|word| OptionValue::Word(word, *words)),
            Values::Number(range) => map.next_value::<Option<_>>()?.map(|number| OptionValue::Number(number, range)),
            Values::Share(of) => map.next_value::<Option<_>>()?.map(|share| OptionValue::Share(share, *of)),
            Values::Own(_) => return Err(A::Error::unknown_field(key.name, &NAMES)),
        };
        Ok(value.map(|value| OptionFile { key, value }))
    }
}

impl<'de> Deserialize<'de> for ArmFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ArmFile, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = ArmFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the keys of an arm")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ArmFile, A::Error> {
                let (mut plane, mut gateway, mut options) = (None, GatewayName::None, Vec::new());
                let (mut probe_period, mut app_probe_period, mut limits) = (None, None, None);
                let (mut watch, mut add) = (None, None);
                while let Some(Known(key)) = map.next_key()? {
                    match key.name {
                        "plane" => plane = Some(map.next_value()?),
                        "gateway" => gateway = map.next_value()?,
                        "probe_period" => probe_period = map.next_value()?,
                        "app_probe_period" => app_probe_period = map.next_value()?,
                        "limits" => limits = map.next_value()?,
                        "watch" => watch = map.next_value()?,
                        "add" => add = map.next_value()?,
                        _ => options.extend(OptionFile::read(key, &mut map)?),
                    }
                }
                options.sort_by_key(|option: &OptionFile| NAMES.iter().position(|name| *name == option.key.name));
                let plane = plane.ok_or_else(|| A::Error::missing_field("plane"))?;
                Ok(ArmFile { plane, gateway, options, probe_period, app_probe_period, limits, watch, add })
            }
        }

        deserializer.deserialize_struct("ArmFile", &NAMES, Entries)
    }
}

/// The names of all keys, in the order in which refusals list them.
const NAMES: [&str; KEYS.len()] = {
    let mut names = [""; KEYS.len()];
    let mut row = 0;
    while row < KEYS.len() {
        names[row] = KEYS[row].name;
        row += 1;
    }
    names
};

/// A key that the table contains.
struct Known(&'static Key);

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Known, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = Known;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a key")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Known, E> {
                Key::named(name).map(Known).ok_or_else(|| E::unknown_field(name, &NAMES))
            }
        }

        deserializer.deserialize_identifier(Name)
    }
}
