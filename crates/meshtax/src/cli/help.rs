//! Texts that `--help` prints after the options, with examples.

use measure::Metric;

pub const AFTER_HELP: &str = "\
Exit status: 0 done; 1 a condition or verdict failed; 2 could not run;
130 interrupted, with a partial result.

Start with `meshtax demo` (as root); it needs no file. `meshtax doctor` says
what this machine lacks.";

pub const LIFE_HELP: &str = "\
Columns are those of bcc's tcplife: KB sent and received by the application,
time from the handshake to the close (MS), smoothed round-trip time,
retransmits, then the pod or network namespace and the service that is called.
SERVICE is a name in a lab, else NAME:PORT of the process that listens on this
machine, or `-` if unknown. If both ends are on this machine, each has a line.
Example:

  PID     COMM  LADDR     LPORT RADDR     RPORT    TX_KB    RX_KB         MS
  4242    curl  10.0.0.3  51234 10.0.0.2  80           0     4096      12.31

--json gives exact bytes: bytes_sent and bytes_received are what the application
wrote and read. For a connection that was cut off they are what had left and
arrived; they are null if a sockmap may carry bytes past TCP. error says how it
was cut off (ECONNABORTED: by this side). opened is the first SYN (on the
accepting side, the answer to it), established the end of the handshake, closed
the end; all are the kernel's own times in RFC 3339. They are null if they lie
before the tool's start; opened also if the answer was sent again. service is
null if only an address is known.";

pub const CONNECT_HELP: &str = "\
Columns are those of bcc's tcpconnect and tcpconnlat. LAT_MS is the time to the
end of the handshake. RESULT is the error of a connect that failed: GIVEN_UP if
the caller did not wait, NO_ROUTE if there was no way to the peer, UNKNOWN if
the kernel does not say. POD and SERVICE follow. Example:

  PID     COMM  IP SADDR     DADDR     DPORT    LAT_MS RESULT
  4242    curl  4  10.0.0.3  10.0.0.2  81        0.051 ECONNREFUSED

A connect without a route is reported once, when its socket closes, for the
process that closes it. The kernel keeps neither its time nor its error, and
older kernels no port for IPv6. It is not seen if the socket had connected
before.";

pub const ACCEPT_HELP: &str = "\
Columns are those of bcc's tcpaccept. LAT_MS is the time from the answer to the
first packet to the end of the handshake, `-` if that answer was sent again. PID
is the process that listens. POD and SERVICE follow. Example:

  PID     COMM   IP RADDR     RPORT LADDR     LPORT   LAT_MS
  4100    nginx  4  10.0.0.3  51234 10.0.0.2  80       0.048";

pub const RETRANS_HELP: &str = "\
Columns are those of bcc's tcpretrans, then RETR (retransmits of this connection
so far), RTT_MS, POD and SERVICE. STATE SYN_RECV is the answer to a connect.
Example:

  TIME     PID     IP LADDR:LPORT      T> RADDR:RPORT      STATE        RETR
  12:00:01 4242    4  10.0.0.3:51234   R> 10.0.0.2:80      ESTABLISHED     3";

pub const RESETS_HELP: &str = "\
One line for each reset that a socket sends (->) or receives (<-), with the
socket's state at that moment. A socket that closes with unread data, or with
SO_LINGER 0, is in CLOSE when it sends its reset. A refused connect is a reset
received in SYN_SENT. POD and SERVICE follow. Example:

  TIME     PID  COMM  LADDR:LPORT    R  RADDR:RPORT    STATE
  12:00:01 4242 curl  10.0.0.3:51234 <- 10.0.0.2:80    ESTABLISHED

A reset that answers a packet for no connection belongs to no socket; `meshtax
drops` shows such packets (NO_SOCKET). If somebody listens on that port, the
listener sends the reset, in LISTEN, and its peer is not shown.";

pub const BACKLOG_HELP: &str = "\
As bcc's tcpsynbl: for each listening port, the length of the accept queue as
each connection arrives, and the queue's limit (backlog_max). Then the packets
that listeners dropped since they began to listen: for want of room, but also
repeated or broken-off connects, and first packets with TCP_DEFER_ACCEPT. With
--interval, each interval has histograms of its own. Example:

  port 80, backlog_max = 511
               backlog : count    distribution
           0 -> 0          : 961      |****************************************|";

pub const RTT_HELP: &str = "\
As bcc's tcprtt: smoothed round-trip times of connections that are open at the
end, and of those that closed meanwhile. --duration says how long to watch. With
--interval, each interval has a histogram of its own. --json and --csv list
every connection.";

pub const DNS_HELP: &str = "\
One line for each query when its answer arrives or it times out (TIMEOUT), as
seen by the socket that asked. A query that is sent again is another query.
LAT_MS is the time from query to answer, BY is udp or tcp. Example:

  TIME     PID    COMM TYPE NAME             RCODE      LAT_MS SERVER     BY
  12:00:01 4242   curl AAAA db.prod.svc      NXDOMAIN    0.412 10.96.0.10 udp

PID and COMM are `-` for TCP connections that are older than the tool. RCODE is
ELSEWHERE if another server, asked at the same time (as musl does), answered
first. It is UNKNOWN if the answer's EDNS record, which holds the upper bits of
the code, is cut off or lies behind 256 labels and records.

Not seen: ports other than 53, DNS over TLS or HTTPS, queries behind further
IPv6 extension headers, and queries from an unconnected socket whose port is
translated.";

pub const DROPS_HELP: &str = "\
As bcc's tcpdrop, but for every protocol, and for packets without a socket.
REASON is the kernel's own word. PID and COMM are the process that made the
packet's socket; STATE is that socket's state. Example:

  TIME     PID  COMM PROTO SADDR:SPORT    > DADDR:DPORT STATE REASON
  12:00:01 -    -    udp   10.0.0.3:41234 > 10.0.0.2:99 -     NO_SOCKET

--json adds the kernel function that dropped the packet (location), TCP flags
and the length. To the kernel, a packet to a closed port is a drop (NO_SOCKET),
so a refused connect drops one SYN. Without --all, harmless drops are left out:
frees without a reason (NOT_SPECIFIED), what lies in the queues of a socket
that closes (QUEUE_PURGE, SOCKET_CLOSE), and data that had arrived before
(TCP_OLD_DATA, TCP_OLD_SEQUENCE, before Linux 6.6 also TCP_INVALID_SEQUENCE).";

pub const UDP_HELP: &str = "\
Datagrams and KB of payload that each socket received and sent in the interval,
by peer. DROPS counts received datagrams that the socket dropped: its queue was
full, UDP had no memory, or a filter refused them. Example:

  PID   COMM  LPORT RADDR          RX_DG RX_KB TX_DG TX_KB  DROPS
  4100  named 53    10.0.0.3:41234    12     0    12     2      0

Counts are exact. Sent datagrams are counted when they leave IP, before
fragmentation; received ones when they reach the socket, dropped ones included.
Several datagrams that arrive as one (GRO) are one drop. Kernel tunnels and
IPsec's inner packets are not seen.

While this runs, a BPF program runs for every packet of local sockets; for TCP
it returns after one comparison.";

pub const AGENT_HELP: &str = "\
Metrics are at /metrics, in Prometheus' text format or OpenMetrics, as the
scraper asks. TCP metrics have Istio's names and labels (istio_tcp_…). Where a
sidecar (an Envoy that listens on 15001 and 15006) reports them already, they
are named meshtax_tcp_… instead. destination_service is NAME:PORT if the server
runs on this machine, the service's name in a lab, and an address if nobody
knows it. meshtax_tcp_connections_open includes connections older than the
agent. Other labels follow OpenTelemetry's semantic conventions
(network_transport, server_port, k8s_pod_uid; with dots in OTLP). Unknown
values are `unknown`, as in Istio.

meshtax_tcp_unknown_bytes_connections_total counts connections in a sockmap,
whose bytes TCP may not see.

meshtax_drops_total counts packets that the kernel dropped, by reason;
meshtax_benign_drops_total counts harmless ones (see `meshtax drops --help`).
meshtax_udp_…_total count datagrams and bytes by service. They take programs
that run for every packet of local sockets; --no-udp leaves them out.

A configuration file says the rest:

  listen: 0.0.0.0:9435
  tls: {certificate: tls.crt, key: tls.key}
  token_file: token
  otlp: {endpoint: \"http://collector:4318\", interval: 60s}

The agent starts as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN. Once
its programs are attached it gives up all capabilities for good; the
descriptors it opened are all it needs. Two helper processes keep
CAP_NET_ADMIN, and nothing else: one reads conntrack tables, the other restarts
it. With --no-conntrack there are none. SIGHUP reloads certificates, key and
token, as the user that the agent runs as.";

const UNTIL_HELP: &str = "\
The lab is set up ten times, and rounds are spread over these stand-ups, which
are the unit of statistics. With fewer than ten rounds, each has a stand-up of
its own. With `--stands 1` rounds are the unit, and figures hold for this
stand-up only. --requests and --rounds count over all stand-ups.

--until looks after 10 stand-ups (10 rounds with `--stands 1`), and again after
each further tenth. It ends the run when half the width of the metric's 95 %
interval is below SHARE in every arm, or after --max-rounds.";

const GATE_HELP: &str = "\
--fail-if applies to every arm; `ARM:` limits it to one. It fails if the whole
95 % interval of the change is above the limit or, without an interval, if the
change is.";

const COMPARE_HELP: &str = "\
--fail-if with `ARM/BASELINE:` is about an arm's cost beside its own baseline
(the ratio in B over the ratio in A), so a slower machine does not matter. It
fails if the whole 95 % interval of the change is above the limit or, without
an interval, if the change is; and if a fatal caution forbids to trust it. With
--arms-across-runs, `ARM:` compares an arm in B with itself in A; two runs
differ by more than intervals show. Example:

  meshtax compare runs/A runs/B --fail-if 'sidecar/none:cpu_ms_per_request>+5%'
  failed: `sidecar/none:cpu_ms_per_request>+5%`: arm `sidecar`: +110 % [98, 123]";

/// The text of `run --help` after the options.
pub fn run() -> String {
    format!("{UNTIL_HELP}\n\n{GATE_HELP}\n\n{}", metrics())
}

/// The text of `report --help` after the options.
pub fn report() -> String {
    format!("{GATE_HELP}\n\n{}", metrics())
}

/// The text of `compare --help` after the options.
pub fn compare() -> String {
    format!("{COMPARE_HELP}\n\n{}", metrics())
}

/// Names of all metrics, in two columns.
fn metrics() -> String {
    let rows = Metric::ALL.chunks(2).map(|row| {
        let cells: String = row.iter().map(|metric| format!("  {:<38}", metric.name())).collect();
        format!("\n{}", cells.trim_end())
    });
    format!("Metrics:{}", rows.collect::<String>())
}

pub const LOAD_HELP: &str = "\
Without a rate, each user asks, waits for the answer and asks again. A server
that stalls is then asked less, so the percentiles say less about the stall.
With --rate, requests are sent when they are due, and a request that waits for
a connection is counted from the time when it was due.

Response time runs from the intended start, service time from the last byte that
was sent; both end with the last byte of the answer. Lateness is the generator's
own: from the intended start until it set to work. A percentile is shown only
where about ten requests lie beyond it.

Examples:

  meshtax load -c 50 -z 30s http://127.0.0.1:8080/
  meshtax load -q 1000 --poisson -z 1m --warmup 5s http://127.0.0.1:8080/
  meshtax load -q 200 -z 1m --fail-if 'latency_ms_p99>5' http://127.0.0.1:8080/

Exit status: 0 done; 1 a limit was not kept, or no request succeeded; 2 could
not run; 130 interrupted, with a partial result.";

const TOP_LINES: &str = "\
Columns as in bcc's tcptop: KB received and sent by the application in the
interval, then the smoothed round-trip time, segments sent again, the pod or
network namespace, and the service that is called (`meshtax life --help`):

  PID     COMM     LADDR            RADDR              RX_KB  TX_KB RTT_MS
  4242    nginx    10.0.0.2:80      10.0.0.3:51234        12   4096  0.112

Sums are exact: the kernel's own counters are read, and nothing is cleared.
What is on the wire counts as sent, whether or not it is acknowledged yet.";

const TOP_EXAMPLE: &str = "\
Example: `meshtax top --interval 2s`, then `/nginx`, Enter, and 7 shows the
connections of nginx with the longest round trips first. NO_COLOR turns
colour off.";

/// The text of `top --help` after the options.
pub fn top() -> String {
    let keys: String = attribution::KEYS.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "{TOP_LINES}\n\nOn a terminal it takes the whole screen, with bytes by the second, and keys:\n{keys}\n{TOP_EXAMPLE}"
    )
}
