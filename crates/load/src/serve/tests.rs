use std::time::Duration;

use super::*;
use crate::Connection;

#[test]
fn orders_are_read_as_they_are_written() {
    let load = Sequential {
        target: "http://productpage:9080/productpage".parse().unwrap(),
        requests: 1_500,
        think: Duration::from_millis(50),
        pace: Duration::ZERO,
        connection: Connection::New,
        round_trip: Duration::from_millis(12),
        timeout: Duration::from_secs(15),
    };
    for order in [Order::Sequential(load), Order::Stop, Order::Keep] {
        assert_eq!(order.to_string().parse::<Order>().unwrap(), order);
    }
}

#[test]
fn other_lines_end_the_role() {
    for line in ["", "go", r#"{"sequential":{"target":"https://a/"}}"#] {
        let error = serve(io::Cursor::new(format!("{line}\n")), io::sink()).unwrap_err();
        assert!(matches!(error, ServeError::Order { line: told, .. } if told == line));
    }
}
