const LINES: &str = "\
Columns as in bcc's tcptop: KB received and sent by the application in the
interval, then the smoothed round-trip time, segments sent again, and the pod
or network namespace:

  PID     COMM     LADDR            RADDR              RX_KB  TX_KB RTT_MS
  4242    nginx    10.0.0.2:80      10.0.0.3:51234        12   4096  0.112

Sums are exact: the kernel's own counters are read, and nothing is cleared.
What was sent but is not acknowledged yet counts in the next interval.";

const EXAMPLE: &str = "\
Example: `meshtax top --interval 2s`, then `/nginx`, Enter, and 7 shows the
connections of nginx with the longest round trips first. NO_COLOR is heeded.";

/// What `top --help` says after the options.
pub fn help() -> String {
    let keys: String = agent::KEYS.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "{LINES}\n\nOn a terminal it takes the whole screen, with bytes by the second, and keys:\n{keys}\n{EXAMPLE}"
    )
}
