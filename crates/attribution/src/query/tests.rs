use std::time::Duration;

use records::{Rcode, Transport};

use crate::filter::Filter;
use crate::table::{LineForm, Printer};

use super::*;

fn query(rcode: Rcode) -> Query {
    Query {
        begun: Duration::from_micros(1_000),
        ended: Duration::from_micros(1_412),
        socket: 5,
        cgroup: 1,
        netns: 7,
        pid: 4242,
        uid: 1000,
        comm: "curl".to_owned(),
        local: "10.0.0.3:41000".parse().unwrap(),
        server: "10.96.0.10:53".parse().unwrap(),
        transport: Transport::Udp,
        message: 99,
        kind: 28,
        name: Some("db.prod".to_owned()),
        rcode,
        truncated: false,
    }
}

fn noon() -> Zoned {
    Zoned::new("2026-11-22T12:00:01Z".parse().unwrap(), jiff::tz::TimeZone::UTC)
}

fn check(form: LineForm, query: &Query, text: &str) {
    let who = Who { pod: "web".to_owned(), ..Who::default() };
    assert_eq!(Printer::new(form, &COLUMNS).line(&query.line(&who, &noon())), text);
}

#[test]
fn text_has_a_dash_for_what_is_not_known() {
    check(
        LineForm::Text,
        &query(Rcode::NOERROR),
        "TIME     PID     COMM            TYPE  NAME                           RCODE      LAT_MS SERVER          BY  POD\n\
         12:00:01 4242    curl            AAAA  db.prod                        NOERROR     0.412 10.96.0.10      udp web\n",
    );
    let unknown = Query { pid: 0, comm: String::new(), name: None, ..query(Rcode::TIMEOUT) };
    check(
        LineForm::Text,
        &unknown,
        "TIME     PID     COMM            TYPE  NAME                           RCODE      LAT_MS SERVER          BY  POD\n\
         12:00:01 -       -               AAAA  -                              TIMEOUT         - 10.96.0.10      udp web\n",
    );
}

#[test]
fn csv_has_all_facts() {
    let csv = Printer::new(LineForm::Csv, &COLUMNS).line(&query(Rcode::NOERROR).line(&Who::default(), &noon()));
    let (heading, values) = csv.trim_end().split_once('\n').unwrap();
    let facts: Vec<(&str, &str)> = heading.split(',').zip(values.split(',')).collect();
    for fact in [("name", "db.prod"), ("type", "AAAA"), ("rcode", "NOERROR"), ("transport", "udp"), ("pid", "4242")] {
        assert!(facts.contains(&fact), "{csv}");
    }
}

#[test]
fn filters_hold_for_queries() {
    let admits = |filter: Filter| filter.admits_query(&query(Rcode::NOERROR));
    assert!(admits(Filter::default()));
    assert!(admits(Filter { port: Some(53), comm: Some("curl".to_owned()), netns: Some(7), ..Filter::default() }));
    assert!(admits(Filter { cidr: Some("10.96.0.0/16".parse().unwrap()), ..Filter::default() }));
    assert!(!admits(Filter { cidr: Some("10.97.0.0/16".parse().unwrap()), ..Filter::default() }));
    assert!(!admits(Filter { pid: Some(1), ..Filter::default() }));
    assert!(!admits(Filter { cgroup: Some(2), ..Filter::default() }));
}
