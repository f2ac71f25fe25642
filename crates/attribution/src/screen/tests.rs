use std::net::SocketAddr;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;
use records::{ConnectionRole, EventKind, Flags, State};

use super::*;

fn row(comm: &str, local: &str, remote: &str, received: u64, sent: u64) -> Row {
    let [local, remote] = [local, remote].map(|end| end.parse::<SocketAddr>().unwrap());
    let flags =
        Flags { zero_window_sent: false, zero_window_received: false, seeded: false, partial: false, bypassed: false };
    let connection = Connection {
        kind: EventKind::Seen,
        at: Duration::ZERO,
        id: 1,
        role: ConnectionRole::Client,
        state: State::Established,
        begun: None,
        established: None,
        cgroup: 0,
        netns: 0,
        pid: 4242,
        uid: 0,
        comm: comm.to_owned(),
        local,
        remote,
        sent,
        received,
        retransmitted: 0,
        retransmits: 0,
        srtt_us: 112,
        rttvar_us: 0,
        rtt_min_us: 0,
        lost: 0,
        out_of_order: 0,
        reordered: 0,
        ecn_marked: 0,
        queue: 0,
        queue_max: 0,
        syn_queue: 0,
        listener: 0,
        drops: 0,
        error: None,
        flags,
    };
    let service = (comm != "curl").then(|| format!("{comm}:80"));
    Row { connection, names: Names { pod: "none-front".to_owned(), service } }
}

fn rows() -> Vec<Row> {
    let mut lossy = row("nginx", "10.0.0.2:80", "10.0.0.3:51234", 2_000, 8_000_000);
    lossy.connection.retransmits = 3;
    lossy.connection.srtt_us = 0;
    let six = row("curl", "[2001:db8::1]:40000", "[2001:db8:85a3::8a2e:370:7334]:8443", 500_000, 100);
    let small = row("redis", "127.0.0.1:6379", "127.0.0.1:40001", 10, 20);
    vec![lossy, six, small]
}

/// What moved in two seconds.
fn look(rows: Vec<Row>) -> ScreenLook {
    let at = "2026-11-22T12:00:01[UTC]".parse().unwrap();
    ScreenLook { at, took: Duration::from_secs(2), rows }
}

/// A screen that was given one interval and then these keys.
fn pressed(keys: &[Keystroke]) -> Screen {
    let mut screen = Screen::new(Duration::from_secs(1), Ink::Plain);
    screen.take(look(rows()));
    for key in keys {
        assert_eq!(screen.press(*key), Next::Stay, "{key:?}");
    }
    screen
}

fn typed(text: &str) -> Vec<Keystroke> {
    text.chars().map(Keystroke::Letter).collect()
}

fn drawn(screen: &Screen, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen.draw(frame)).unwrap();
    terminal
}

/// The screen's lines, without trailing blanks.
fn text(screen: &Screen, width: u16, height: u16) -> String {
    let terminal = drawn(screen, width, height);
    let cells = terminal.backend().buffer().content();
    let line = |cells: &[ratatui::buffer::Cell]| cells.iter().map(|cell| cell.symbol()).collect::<String>();
    cells.chunks(width.into()).map(|cells| line(cells).trim_end().to_owned() + "\n").collect()
}

/// Names of the processes in the rows, from top to bottom.
fn order(screen: &Screen) -> Vec<String> {
    screen.rows().iter().map(|row| row.connection.comm.clone()).collect()
}

#[test]
fn a_wide_terminal_has_every_column() {
    insta::assert_snapshot!(text(&pressed(&[]), 140, 8), @"
    12:00:01  busiest first  every 1s
    RX 251.0 kB/s  TX 4.0 MB/s  3 connections  3 retransmits  since start RX 502.010 kB, TX 8.000 MB
    PID  COMM  LADDR               RADDR                                   RX/s     TX/s RTT_MS RETR POD        SERVICE
    4242 nginx 10.0.0.2:80         10.0.0.3:51234                        1.0 kB   4.0 MB      -    3 none-front nginx:80
    4242 curl  [2001:db8::1]:40000 [2001:db8:85a3::8a2e:370:7334]:8443 250.0 kB     50 B  0.112    0 none-front -
    4242 redis 127.0.0.1:6379      127.0.0.1:40001                          5 B     10 B  0.112    0 none-front redis:80

    ? help  / filter  space freeze  q quit
    ");
}

#[test]
fn eighty_columns_have_what_matters_most() {
    insta::assert_snapshot!(text(&pressed(&[]), 80, 7), @"
    12:00:01  busiest first  every 1s
    RX 251.0 kB/s  TX 4.0 MB/s  3 connections  3 retransmits
    COMM  LADDR               RADDR                     RX/s     TX/s RTT_MS RETR
    nginx 10.0.0.2:80         10.0.0.3:51234          1.0 kB   4.0 MB      -    3
    curl  [2001:db8::1]:40000 [2001:db8:…7334]:8443 250.0 kB     50 B  0.112    0
    redis 127.0.0.1:6379      127.0.0.1:40001            5 B     10 B  0.112    0
    ? help  / filter  space freeze  q quit
    ");
}

#[test]
fn forty_columns_have_the_other_end_and_the_rates() {
    insta::assert_snapshot!(text(&pressed(&[]), 40, 7), @"
    12:00:01  busiest first  every 1s
    RX 251.0 kB/s  TX 4.0 MB/s
    RADDR                     RX/s     TX/s
    10.0.0.3:51234          1.0 kB   4.0 MB
    [2001:db8:…7334]:8443 250.0 kB     50 B
    127.0.0.1:40001            5 B     10 B
    ? help  / filter  space freeze  q quit
    ");
}

#[test]
fn no_size_is_too_small() {
    for width in [1, 2, 3, 10, 21, 22, 30, 49] {
        for height in 1..6 {
            for keys in [&[][..], &[Keystroke::Letter('?')], &[Keystroke::Letter('/'), Keystroke::Letter('x')]] {
                text(&pressed(keys), width, height);
            }
        }
    }
    text(&Screen::new(Duration::from_secs(1), Ink::Colour), 1, 1);
}

#[test]
fn every_column_sorts_and_turns_round() {
    let busiest = ["nginx", "curl", "redis"];
    assert_eq!(order(&pressed(&[])), busiest);
    for (digit, first) in
        ["nginx", "curl", "nginx", "nginx", "curl", "nginx", "curl", "nginx", "nginx"].iter().enumerate()
    {
        let digit = Keystroke::Letter(char::from(b'1' + digit as u8));
        assert_eq!(order(&pressed(&[digit]))[0], *first, "{digit:?}");
        let mut reversed = order(&pressed(&[digit, Keystroke::Letter('r')]));
        reversed.reverse();
        assert_eq!(reversed, order(&pressed(&[digit])), "{digit:?}");
    }
    assert_eq!(order(&pressed(&[Keystroke::Letter('5')])), ["curl", "nginx", "redis"]);
    assert_eq!(order(&pressed(&[Keystroke::Letter('5'), Keystroke::Letter('0')])), busiest);
}

#[test]
fn arrows_go_through_all_columns_and_come_back() {
    let mut screen = pressed(&[]);
    let forth: Vec<_> = (0..11).map(|_| (screen.press(Keystroke::Right), screen.sort).1).collect();
    assert_eq!(forth, Field::ALL.map(Some).into_iter().chain([None]).collect::<Vec<_>>());
    screen.press(Keystroke::Left);
    assert_eq!(screen.sort, Some(Field::Service));
}

#[test]
fn a_pattern_is_looked_for_in_names_addresses_and_ports() {
    for (pattern, found) in [
        ("NGIN", &["nginx"][..]),
        ("85a3", &["curl"]),
        (":6379", &["redis"]),
        ("NGINX:80", &["nginx"]),
        ("FRONT", &["nginx", "curl", "redis"]),
        ("nobody", &[]),
    ] {
        let keys = [vec![Keystroke::Letter('/')], typed(pattern)].concat();
        assert_eq!(order(&pressed(&keys)), found, "{pattern}");
        let kept = pressed(&[&keys[..], &[Keystroke::Enter]].concat());
        assert_eq!(order(&kept), found, "{pattern}");
        assert_eq!(order(&pressed(&[&keys[..], &[Keystroke::Escape]].concat())).len(), 3, "{pattern}");
    }
    assert_eq!(order(&pressed(&[typed("/curlx"), vec![Keystroke::Backspace]].concat())), ["curl"]);
}

#[test]
fn what_is_typed_into_a_pattern_is_no_command() {
    let screen = pressed(&typed("/q r?+"));
    assert_eq!((&*screen.pattern, screen.reversed, screen.interval), ("q r?+", false, Duration::from_secs(1)));
    assert!(text(&screen, 80, 6).ends_with("/q r?+_\n"));
}

#[test]
fn totals_are_of_what_is_shown_and_of_all_since_the_start() {
    let mut screen = pressed(&typed("/nginx"));
    screen.take(look(rows()));
    let sums = text(&screen, 120, 6).lines().nth(1).unwrap().to_owned();
    assert_eq!(sums, "RX 1.0 kB/s  TX 4.0 MB/s  1 connection  3 retransmits  since start RX 1.004 MB, TX 16.000 MB");
}

/// A connection in a sockmap has bytes that TCP does not count.
#[test]
fn totals_say_that_bytes_are_missing_which_nobody_counted() {
    let mut bypassed = row("envoy", "10.0.0.2:80", "10.0.0.3:51234", 1_000, 2_000);
    bypassed.connection.flags.bypassed = true;
    let mut screen = Screen::new(Duration::from_secs(1), Ink::Plain);
    screen.take(look(vec![bypassed]));
    let sums = |screen: &Screen| text(screen, 120, 6).lines().nth(1).unwrap().to_owned();
    assert_eq!(
        sums(&screen),
        "RX ≥ 500 B/s  TX ≥ 1.0 kB/s  1 connection  0 retransmits  since start RX ≥ 1.000 kB, TX ≥ 2.000 kB"
    );
    screen.take(look(vec![row("curl", "10.0.0.2:80", "10.0.0.3:51234", 1_000, 2_000)]));
    assert!(sums(&screen).starts_with("RX 500 B/s  TX 1.0 kB/s") && sums(&screen).contains("RX ≥ 2.000 kB"));
}

#[test]
fn what_is_frozen_stays_and_what_is_not_shown_is_counted() {
    let mut screen = pressed(&typed(" "));
    let before = text(&screen, 120, 8);
    assert!(before.contains("FROZEN"));
    screen.take(look(vec![row("later", "10.0.0.9:1", "10.0.0.9:2", 1_000_000, 0)]));
    assert_eq!(text(&screen, 120, 8), before);
    screen.press(Keystroke::Letter(' '));
    let after = text(&screen, 120, 8);
    assert!(
        after.contains("later") && after.contains("since start RX 1.502 MB") && !after.contains("FROZEN"),
        "{after}"
    );
}

#[test]
fn intervals_grow_and_shrink_within_bounds() {
    let after = |interval: u64, keys: &str| {
        let mut screen = Screen::new(Duration::from_millis(interval), Ink::Plain);
        typed(keys).into_iter().for_each(|key| assert_eq!(screen.press(key), Next::Stay));
        screen.interval().as_millis()
    };
    assert_eq!(after(1_000, "+"), 2_000);
    assert_eq!(after(1_000, "--"), 200);
    assert_eq!(after(300, "+"), 500);
    assert_eq!(after(300, "-"), 200);
    assert_eq!(after(1_000, &"+".repeat(20)), 60_000);
    assert_eq!(after(1_000, &"-".repeat(20)), 100);
}

#[test]
fn help_covers_the_rows_and_any_key_leads_back() {
    let keys = [Keystroke::Letter('?')];
    let help = text(&pressed(&keys), 80, 20);
    assert!(help.contains("space       freeze") && help.ends_with("any key goes back\n"), "{help}");
    assert!(!help.contains("nginx") && !help.contains("RADDR"), "{help}");
    assert_eq!(text(&pressed(&[keys[0], Keystroke::Letter('q')]), 80, 20), text(&pressed(&[]), 80, 20));
}

#[test]
fn some_keys_end_it() {
    for key in [Keystroke::Letter('q'), Keystroke::Escape] {
        assert_eq!(pressed(&[]).press(key), Next::End);
    }
}

#[test]
fn rows_are_gone_through_from_the_first_to_the_last() {
    let top = |keys: &[Keystroke]| text(&pressed(keys), 80, 6).lines().nth(3).unwrap().to_owned();
    assert!(top(&[Keystroke::Down]).contains("curl"));
    assert!(top(&[Keystroke::PageDown]).contains("redis"));
    assert!(top(&[Keystroke::PageDown, Keystroke::Up]).contains("curl"));
    assert!(top(&[Keystroke::PageDown, Keystroke::Home]).contains("nginx"));
    assert!(top(&[Keystroke::PageDown, Keystroke::PageUp]).contains("nginx"));
}

#[test]
fn colours_are_for_terminals_that_have_them() {
    for (ink, is_coloured) in [(Ink::Plain, false), (Ink::Colour, true)] {
        let mut screen = Screen::new(Duration::from_secs(1), ink);
        screen.take(look(rows()));
        let terminal = drawn(&screen, 140, 8);
        let coloured = terminal.backend().buffer().content().iter().filter(|cell| cell.fg != Color::Reset);
        assert_eq!(coloured.count() > 0, is_coloured, "{ink:?}");
    }
}
