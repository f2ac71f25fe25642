//! What `dns` tells of a query that has ended.

use jiff::Zoned;
use probe::dns::{Query, type_name};
use serde_json::{Map, Value, json};

use crate::table::{Column, Line};
use crate::who::Who;

/// Columns of the text.
pub const QUERY_COLUMNS: [Column; 10] = [
    Column::words("TIME", 8),
    Column::words("PID", 7),
    Column::words("COMM", 15),
    Column::words("TYPE", 5),
    Column::words("NAME", 30),
    Column::words("RCODE", 8),
    Column::number("LAT_MS", 8),
    Column::words("SERVER", 15),
    Column::words("BY", 3),
    Column::words("POD", 1),
];

/// The line of a query whose owner is `who`, at the time `now`.
pub fn query_line(query: &Query, who: &Who, now: &Zoned) -> Line {
    Line { facts: facts(query, who, now), cells: cells(query, who, now) }
}

/// What is not known is `-`, so that words keep their columns.
fn cells(query: &Query, who: &Who, now: &Zoned) -> Vec<String> {
    let dash = || "-".to_owned();
    let known = |pid: u32| if pid == 0 { dash() } else { pid.to_string() };
    let comm = if query.comm.is_empty() { dash() } else { query.comm.clone() };
    vec![
        now.strftime("%H:%M:%S").to_string(),
        known(query.pid),
        comm,
        type_name(query.kind),
        query.name.clone().unwrap_or_else(dash),
        query.rcode.to_string(),
        latency_ms(query).map_or_else(dash, |latency| format!("{latency:.3}")),
        query.server.ip().to_string(),
        query.transport.name().to_owned(),
        who.pod.clone(),
    ]
}

fn facts(query: &Query, who: &Who, now: &Zoned) -> Map<String, Value> {
    let facts = json!({
        "time": now.timestamp().to_string(),
        "name": query.name,
        "type": type_name(query.kind),
        "rcode": query.rcode,
        "latency_ms": latency_ms(query),
        "truncated": query.truncated,
        "transport": query.transport,
        "server_addr": query.server.ip(),
        "server_port": query.server.port(),
        "local_addr": query.local.ip(),
        "local_port": query.local.port(),
        "message_id": query.message,
        "pid": query.pid,
        "uid": query.uid,
        "comm": query.comm,
        "cgroup": query.cgroup,
        "netns": query.netns,
        "pod": who.pod,
        "id": query.socket,
    });
    let Value::Object(facts) = facts else { unreachable!("the macro makes an object") };
    facts
}

fn latency_ms(query: &Query) -> Option<f64> {
    query.latency().map(|latency| latency.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests;
