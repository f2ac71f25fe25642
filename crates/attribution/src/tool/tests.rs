use records::{ConnectionRole, Flags};

use super::*;
use crate::place::tests::socket;

/// A tool's line for a connection, as JSON and as cells.
fn line(tool: Tool, connection: &Connection) -> (Map<String, Value>, Vec<String>) {
    let wall: Zoned = "2026-02-03T12:00:00+01:00[Europe/Berlin]".parse().unwrap();
    let clock = Clock { wall, monotonic: std::time::Duration::from_secs(100) };
    let Line { facts, cells } = tool.line(connection, &Names::default(), &clock);
    (facts, cells)
}

#[test]
fn what_nobody_knows_is_null_and_a_dash() {
    let nobody = Connection {
        pid: 0,
        cgroup: 0,
        netns: 0,
        id: 0,
        srtt_us: 0,
        ..socket(ConnectionRole::Server, 7, "", "10.0.0.2:80")
    };
    let (facts, cells) = line(Tool::Life, &nobody);
    for fact in ["pid", "uid", "comm", "cgroup", "netns", "pod", "service", "id", "srtt_us", "rttvar_us", "rtt_min_us"]
    {
        assert!(facts[fact].is_null(), "{fact} is {}", facts[fact]);
    }
    assert_eq!((&cells[0], &cells[1], &cells[9]), (&"-".to_owned(), &"-".to_owned(), &"-".to_owned()));
    assert_eq!((&facts["bytes_sent"], &facts["bytes_received"]), (&0.into(), &0.into()), "nothing was sent");
}

#[test]
fn bytes_that_tcp_may_not_have_counted_are_unknown() {
    let known = socket(ConnectionRole::Client, 7, "curl", "10.0.0.2:80");
    let bypassed = Connection { sent: 5, flags: Flags { bypassed: true, ..known.flags }, ..known };
    let (facts, cells) = line(Tool::Life, &bypassed);
    assert!(facts["bytes_sent"].is_null() && facts["bytes_received"].is_null());
    assert_eq!((&*cells[6], &*cells[7]), ("-", "-"));
}

#[test]
fn histograms_are_drawn_by_powers_of_two() {
    assert_eq!(
        histogram("usecs", [1, 2, 3, 3]),
        "               usecs : count    distribution\n         1 -> 1          : 1        |*************                           |\n         2 -> 3          : 3        |****************************************|\n"
    );
}

#[test]
fn nothing_makes_a_histogram_without_rows() {
    assert_eq!(histogram("usecs", []).lines().count(), 1);
}
