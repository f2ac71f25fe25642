//! Amounts as written in files.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use serde_saphyr::Spanned;
use topology::{Bytes, Span};

/// Valid limits in thousandths of a core. The kernel accepts no quota below 1 ms in each period of 100 ms.
const MILLICORES: std::ops::RangeInclusive<f64> = 10.0..=1_000_000.0;

/// A length of time, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub Option<Duration>);

/// A number of cores, written as in Kubernetes: `2`, `0.5`, `500m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cores {
    pub millicores: u32,
}

/// The limits of each proxy, as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsFile {
    pub cpu: Option<Cores>,
    pub memory: Option<Spanned<Bytes>>,
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
        let text = String::deserialize(deserializer)?;
        match &*text {
            "off" | "false" => Ok(Period(None)),
            text => Ok(Period(Some(text.parse::<Span>().map_err(de::Error::custom)?.0))),
        }
    }
}

impl FromStr for Cores {
    type Err = String;

    fn from_str(text: &str) -> Result<Cores, String> {
        let (number, scale) = text.strip_suffix('m').map_or((text, 1000.0), |number| (number, 1.0));
        let millicores = number.trim().parse::<f64>().map(|number| (number * scale).round());
        match millicores {
            Ok(millicores) if MILLICORES.contains(&millicores) => Ok(Cores { millicores: millicores as u32 }),
            _ => Err(format!(
                "`{}` is not a number of cores\nwrite `2`, `0.5` or `500m`, at least `10m`; Istio's default is `2`",
                text.escape_debug()
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Cores {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cores, D::Error> {
        String::deserialize(deserializer)?.trim().parse().map_err(de::Error::custom)
    }
}
