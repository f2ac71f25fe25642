use nix::sys::signal::Signal;

use super::terminal::Terminal;
use testbed::{Peer, V4, V6, Watching, insist_on_root};

const ESCAPE: &str = "\x1b";
const CTRL_C: &str = "\x03";

/// Runs `meshtax top` on a terminal, for one server's connections.
fn top(columns: u16, rows: u16, server: &Peer) -> Terminal {
    insist_on_root();
    let port = server.port().to_string();
    let mut terminal = Terminal::begin(columns, rows, &["top", "--interval", "100ms", "--port", &port]);
    terminal.until(|text| text.contains("q quit") && text.contains("every 100ms"));
    assert!(terminal.is_taken_over());
    terminal
}

#[test]
fn the_screen_shows_every_byte_and_stays_while_it_is_frozen() {
    let server = Peer::listen(V4);
    let mut terminal = top(120, 20, &server);
    let mut watching = Watching::begin("top", &["--json", "--interval", "10ms", "--port", &server.port().to_string()]);
    let mut open = server.open();
    open.move_bytes(5_000_000, 2_000);
    // Both ends are on this machine.
    terminal.until(|text| text.contains("since start RX 5.002 MB, TX 5.002 MB"));
    terminal.press(" ");
    terminal.until(|text| text.contains("FROZEN"));
    terminal.await_drawings(1);
    let frozen = terminal.text();
    open.move_bytes(0, 2_000_000);
    let sum = |lines: &[serde_json::Value]| lines.iter().map(|line| line["bytes_sent"].as_u64().unwrap()).sum::<u64>();
    watching.until(|lines| sum(lines) == 7_002_000);
    // Intervals end, but the screen does not show them.
    terminal.await_drawings(3);
    assert_eq!(terminal.text(), frozen);
    terminal.press("+");
    let still = terminal.until(|text| text.contains("every 200ms"));
    assert_eq!(still, frozen.replace("every 100ms", "every 200ms"));
    terminal.press(" ");
    let text = terminal.until(|text| text.contains("since start RX 7.002 MB, TX 7.002 MB"));
    assert!(!text.contains("FROZEN"), "{text}");
    terminal.press("q");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn keys_filter_sort_and_explain() {
    let server = Peer::listen(V4);
    let mut terminal = top(120, 20, &server);
    let mut open = server.open();
    let client = format!("127.0.0.1:{}", open.client_port());
    std::thread::scope(|scope| {
        let (end, ended) = std::sync::mpsc::channel::<()>();
        scope.spawn(move || {
            // The thread runs until the other end of the channel is dropped.
            while ended.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
                open.move_bytes(100, 10);
            }
        });
        let text = terminal.until(|text| text.contains("2 connections"));
        let row = text.lines().find(|line| line.contains(&client)).unwrap_or_else(|| panic!("no {client} in {text}"));
        assert!(row.contains(&format!("127.0.0.1:{}", server.port())) && row.contains("B "), "{row}");
        assert!(row.starts_with(&std::process::id().to_string()), "{row}");

        terminal.press("/nobody");
        terminal.until(|text| text.contains("/nobody_") && text.contains("0 connections") && !text.contains(&client));
        terminal.press(ESCAPE);
        terminal.until(|text| text.contains("2 connections"));
        terminal.press(&format!("/{client}\r"));
        terminal.until(|text| text.contains(&format!("only `{client}`")) && text.contains("2 connections"));

        terminal.press("?");
        let help = terminal.until(|text| text.contains("any key goes back"));
        assert!(help.contains("turn the order round") && !help.contains("RADDR"), "{help}");
        terminal.press("?");
        terminal.until(|text| text.contains("q quit") && text.contains("RADDR"));

        let first = |text: &str| {
            let heading = text.lines().position(|line| line.contains("RADDR"))?;
            text.lines().nth(heading + 1)?.split_whitespace().nth(2).map(str::to_owned)
        };
        let ends = [client.clone(), format!("127.0.0.1:{}", server.port())];
        let [low, high] = if open_port(&ends[0]) < open_port(&ends[1]) { [0, 1] } else { [1, 0] };
        terminal.press("3");
        terminal.until(|text| text.contains("by LADDR") && first(text).as_ref() == Some(&ends[low]));
        terminal.press("r");
        terminal.until(|text| text.contains("by LADDR, reversed") && first(text).as_ref() == Some(&ends[high]));
        drop(end);
    });
    terminal.press(ESCAPE);
    assert_eq!(terminal.end(), Some(0));
}

fn open_port(end: &str) -> u16 {
    end.rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
fn a_narrow_terminal_has_fewer_columns_and_a_wide_one_all() {
    let server = Peer::listen(V6);
    let mut terminal = top(140, 20, &server);
    let mut open = server.open();
    open.move_bytes(1_000_000, 0);
    let heading = |text: &str, with: &[&str], without: &[&str]| {
        let line = text.lines().find(|line| line.contains("RADDR")).unwrap_or_default().to_owned();
        !line.is_empty()
            && with.iter().all(|name| line.contains(name))
            && !without.iter().any(|name| line.contains(name))
    };
    let all = ["PID", "COMM", "LADDR", "RX/s", "TX/s", "RTT_MS", "RETR", "POD", "SERVICE"];
    terminal.until(|text| text.contains("since start RX 1.000 MB") && heading(text, &all, &[]));
    terminal.press(" ");
    terminal.until(|text| text.contains("FROZEN"));
    terminal.resize(40, 12);
    let narrow = terminal.until(|text| heading(text, &["RX/s", "TX/s"], &["PID", "POD", "SERVICE"]));
    assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
    terminal.resize(140, 20);
    terminal.until(|text| heading(text, &all, &[]));
    terminal.press(CTRL_C);
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn signals_give_the_terminal_back() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let mut terminal = top(80, 20, &Peer::listen(V4));
        terminal.signal(signal);
        assert_eq!(terminal.end(), Some(0), "{signal}");
    }
}

#[test]
fn a_closed_window_ends_it() {
    let mut terminal = top(80, 20, &Peer::listen(V4));
    let status = terminal.hang_up();
    assert!(status.code().is_some(), "{status}");
}

#[test]
fn colours_are_left_out_where_nobody_wants_them() {
    insist_on_root();
    for (variables, is_coloured) in [(&[][..], true), (&[("NO_COLOR", "1")], false)] {
        let mut terminal = Terminal::among(80, 20, &["top"], variables);
        terminal.until(|text| text.contains("q quit"));
        assert_eq!(terminal.is_coloured(), is_coloured, "{variables:?}");
        terminal.press("q");
        assert_eq!(terminal.end(), Some(0));
    }
}

#[test]
fn lines_come_on_a_terminal_that_cannot_draw_and_where_they_are_asked_for() {
    insist_on_root();
    for (argument, kind) in [("--plain", "xterm"), ("--json", "xterm"), ("--csv", "xterm"), ("--rows=9", "dumb")] {
        let arguments = ["top", "--interval", "10ms", "--count", "2", argument];
        let mut terminal = Terminal::among(80, 20, &arguments, &[("TERM", kind)]);
        terminal.until(|text| text.contains("watching; Ctrl-C ends it"));
        assert!(!terminal.is_taken_over(), "{arguments:?}");
        assert_eq!(terminal.end(), Some(0), "{arguments:?}");
    }
}
