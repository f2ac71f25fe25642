//! Lines of `meshtax dns`: one for each DNS query that has ended.

use jiff::Zoned;
use records::{Query, type_name};
use serde_json::{Map, Value, json};

use crate::filter::Filter;
use crate::happening::Happening;
use crate::table::{Column, Line, cell, nonempty, nonzero};
use crate::totals::Owner;
use crate::who::Who;

/// Columns of the text.
const COLUMNS: [Column; 10] = [
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

impl Happening for Query {
    const COLUMNS: &'static [Column] = &COLUMNS;

    fn owner(&self) -> Owner {
        (self.netns, self.cgroup)
    }

    fn is_admitted(&self, filter: &Filter) -> bool {
        filter.admits_query(self)
    }

    fn line(&self, who: &Who, now: &Zoned) -> Line {
        Line { facts: facts(self, who, now), cells: cells(self, who, now) }
    }
}

fn cells(query: &Query, who: &Who, now: &Zoned) -> Vec<String> {
    vec![
        now.strftime("%H:%M:%S").to_string(),
        cell(nonzero(query.pid)),
        cell(nonempty(&query.comm)),
        type_name(query.kind),
        cell(query.name.as_ref()),
        query.rcode.to_string(),
        cell(latency_ms(query).map(|latency| format!("{latency:.3}"))),
        query.server.ip().to_string(),
        query.transport.name().to_owned(),
        cell(nonempty(&who.pod)),
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
        "pid": nonzero(query.pid),
        "uid": query.uid,
        "comm": nonempty(&query.comm),
        "cgroup": nonzero(query.cgroup),
        "netns": nonzero(query.netns),
        "pod": nonempty(&who.pod),
        "id": nonzero(query.socket),
    });
    let Value::Object(facts) = facts else { unreachable!("the macro makes an object") };
    facts
}

fn latency_ms(query: &Query) -> Option<f64> {
    query.latency().map(|latency| latency.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests;
