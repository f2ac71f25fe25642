use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Load;

/// What the load role in a client pod can be told, one line each. Blocks are performed one at a time; the next is
/// ordered once the last one's answer has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// `{"load":{..}}`: perform a block and answer with its [`measure::Samples`], one line of JSON.
    Load(Box<Load>),
    /// `stop`: end the block that is being performed early; its answer comes as usual.
    Stop,
    /// `keep`: do not end with the orders; the lab outlives the program that made it.
    Keep,
}

/// Why a line is not an order.
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
    Load(Box<Load>),
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop => f.write_str("stop"),
            Self::Keep => f.write_str("keep"),
            Self::Load(load) => {
                let fields = OrderFields::Load(load.clone());
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
                Ok(OrderFields::Load(load)) => Ok(Self::Load(load)),
                Err(source) => Err(OrderError { line: line.to_owned(), source }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use measure::ConnectionUse;

    use crate::{Model, Request};

    use super::*;

    #[test]
    fn orders_are_read_as_they_are_written() {
        let load = Load {
            request: Request::get("http://productpage:9080/productpage".parse().unwrap()),
            model: Model::Closed { users: 1, think: Duration::from_millis(50).into(), pace: Duration::ZERO },
            requests: Some(1_500),
            time: None,
            connections: 1,
            connection: ConnectionUse::New,
            round_trip: Duration::from_millis(12),
            timeout: Duration::from_secs(15),
            in_flight_max: 1,
            seed: 1,
        };
        for order in [Order::Load(Box::new(load)), Order::Stop, Order::Keep] {
            assert_eq!(order.to_string().parse::<Order>().unwrap(), order);
        }
    }
}
