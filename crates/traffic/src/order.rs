use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Sequential;

/// What the load role in a client pod can be told, one line each. Blocks are performed one at a time; the next is
/// ordered once the last one's answer has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// `{"sequential":{..}}`: perform a block and answer with its [`measure::Samples`], one line of JSON.
    Sequential(Sequential),
    /// `stop`: end the block that is being performed early; its answer comes as usual.
    Stop,
    /// `keep`: do not end with the orders; the lab outlives the program that made it.
    Keep,
}

/// Why a line is no order.
#[derive(Debug, thiserror::Error)]
#[error("`{line}` is not an order")]
pub struct OrderError {
    /// The line.
    pub line: String,
    /// What is wrong with it.
    pub source: serde_json::Error,
}

/// The form of an order that has fields.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OrderFields {
    Sequential(Sequential),
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop => f.write_str("stop"),
            Self::Keep => f.write_str("keep"),
            Self::Sequential(load) => {
                let fields = OrderFields::Sequential(load.clone());
                f.write_str(&serde_json::to_string(&fields).expect("orders have text keys"))
            }
        }
    }
}

impl FromStr for Order {
    type Err = OrderError;

    fn from_str(line: &str) -> Result<Self, OrderError> {
        match line.trim() {
            "stop" => Ok(Self::Stop),
            "keep" => Ok(Self::Keep),
            text => match serde_json::from_str(text) {
                Ok(OrderFields::Sequential(load)) => Ok(Self::Sequential(load)),
                Err(source) => Err(OrderError { line: line.to_owned(), source }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use measure::ConnectionUse;

    use super::*;

    #[test]
    fn orders_are_read_as_they_are_written() {
        let load = Sequential {
            target: "http://productpage:9080/productpage".parse().unwrap(),
            requests: 1_500,
            think: Duration::from_millis(50),
            pace: Duration::ZERO,
            connection: ConnectionUse::New,
            round_trip: Duration::from_millis(12),
            timeout: Duration::from_secs(15),
        };
        for order in [Order::Sequential(load), Order::Stop, Order::Keep] {
            assert_eq!(order.to_string().parse::<Order>().unwrap(), order);
        }
    }
}
