//! What `--help` says after the options, with examples.

use measure::Metric;

pub const AFTER_HELP: &str = "\
Exit status: 0 done; 1 the verdict failed; 2 could not run; 130 interrupted,
with a partial result.

Start with `meshtax demo` (as root), which needs no file; `meshtax doctor` says
what this machine lacks.";

pub const LIFE_HELP: &str = "\
Columns as in bcc's tcplife: KB sent and received by the application and the
time from the handshake to the end, then the smoothed round-trip time, segments
sent again, the pod or network namespace, and the service that is called: by its
name in a lab, else as NAME:PORT of who listens on this machine, `-` where that
is not known. Both ends are told where both are on this machine. Example:

  PID     COMM  LADDR     LPORT RADDR     RPORT    TX_KB    RX_KB         MS
  4242    curl  10.0.0.3  51234 10.0.0.2  80           0     4096      12.31

--json has bytes: bytes_sent and bytes_received are what the application wrote
and read, to the byte; of a connection that is cut off, what had gone out and
what had come; null if a sockmap may carry them past TCP. error says how it was
cut off, ECONNABORTED by this side. opened (the first SYN; where it is accepted,
the answer to it), established (the end of the handshake) and closed are the
kernel's own times, in RFC 3339; null if before the tool, opened also if the
answer was sent again. What else nobody knows is null, too. service is as the
agent's destination_service, null where that is an address.";

pub const CONNECT_HELP: &str = "\
Columns as in bcc's tcpconnect and tcpconnlat: LAT_MS is the time to the end of
the handshake, RESULT the error of an open that failed: GIVEN_UP if who asked
for it did not wait, NO_ROUTE if there was no way to the peer, UNKNOWN if the
kernel does not tell. POD and SERVICE, which is called, follow. Example:

  PID     COMM  IP SADDR     DADDR     DPORT    LAT_MS RESULT
  4242    curl  4  10.0.0.3  10.0.0.2  81        0.051 ECONNREFUSED

An open without a route is told once, as its socket is closed, by who closes it;
the kernel keeps neither when it was nor which error it returned, and older ones
of IPv6 no port. One of a socket that had connected before is not seen.";

pub const ACCEPT_HELP: &str = "\
Columns as in bcc's tcpaccept; LAT_MS is the time from the answer to the first
packet to the end of the handshake, `-` if that answer was sent again. PID is
the process that listens. POD and SERVICE, which is called, follow. Example:

  PID     COMM   IP RADDR     RPORT LADDR     LPORT   LAT_MS
  4100    nginx  4  10.0.0.3  51234 10.0.0.2  80       0.048";

pub const RETRANS_HELP: &str = "\
Columns as in bcc's tcpretrans, then how many segments of this connection were
sent again so far, its RTT_MS, POD and the SERVICE that is called. STATE
SYN_RECV is the answer to an open. Example:

  TIME     PID     IP LADDR:LPORT      T> RADDR:RPORT      STATE        RETR
  12:00:01 4242    4  10.0.0.3:51234   R> 10.0.0.2:80      ESTABLISHED     3";

pub const RESETS_HELP: &str = "\
A line for each reset that a socket sends (->) or receives (<-), with its state
just then: one that is closed before all was read, or at once, is in CLOSE when
it sends its reset. A refused open is a reset received in SYN_SENT. POD and
SERVICE, which is called, follow. Example:

  TIME     PID  COMM  LADDR:LPORT    R  RADDR:RPORT    STATE
  12:00:01 4242 curl  10.0.0.3:51234 <- 10.0.0.2:80    ESTABLISHED

Resets that answer packets for no connection have no socket: `meshtax drops`
tells those packets (NO_SOCKET). Where somebody listens he answers, in LISTEN,
and to whom is not told.";

pub const BACKLOG_HELP: &str = "\
As bcc's tcpsynbl: for each listening port, how many connections waited to be
accepted when one more came, beside how many may wait. Then the packets that
listeners dropped, ever: for want of room, but also opens that were repeated or
broken off, and the first ones with TCP_DEFER_ACCEPT. With --interval each
interval is drawn apart. Example:

  port 80, backlog_max = 511
               backlog : count    distribution
           0 -> 0          : 961      |****************************************|";

pub const RTT_HELP: &str = "\
As bcc's tcprtt: the kernel's smoothed round-trip times of what is open at the
end, and of what ended meanwhile; `--duration` says how long to wait, and with
--interval each interval is drawn apart. --json and --csv tell every connection.";

pub const DNS_HELP: &str = "\
A line for each query when its answer has come, or none has in time (TIMEOUT),
as the socket that asked sees it; a query that is sent again is another query.
LAT_MS is the time from query to answer, BY udp or tcp. Example:

  TIME     PID    COMM TYPE NAME             RCODE      LAT_MS SERVER     BY
  12:00:01 4242   curl AAAA db.prod.svc      NXDOMAIN    0.412 10.96.0.10 udp

PID and COMM are `-` for TCP connections that are older than the tool. ELSEWHERE
stands where another server that was asked at the same time (as musl does) has
answered, UNKNOWN where the answer's record of EDNS, which has the upper bits of
the code, is cut off or behind 256 labels and records. Only port 53 is looked
at: no DNS over TLS or HTTPS, nothing behind further IPv6 headers, nor a query
from an unconnected socket whose port is translated.";

pub const DROPS_HELP: &str = "\
As bcc's tcpdrop, for every protocol and for packets without a socket, too: why
is the kernel's own word, PID and COMM are who made the socket that the packet
came from or was for, STATE is the socket's. Example:

  TIME     PID  COMM PROTO SADDR:SPORT    > DADDR:DPORT STATE REASON
  12:00:01 -    -    udp   10.0.0.3:41234 > 10.0.0.2:99 -     NO_SOCKET

--json has the kernel's function that dropped it (location), the flags of TCP
and the length. A packet that a port refuses is a drop to the kernel (NO_SOCKET),
a connection that is refused one SYN of it. Not told without --all: frees for
which the code gives no reason (NOT_SPECIFIED), what lies in the queues of a
socket that closes (QUEUE_PURGE, SOCKET_CLOSE), and data that had come before
(TCP_OLD_DATA, TCP_OLD_SEQUENCE, before Linux 6.6 also TCP_INVALID_SEQUENCE).";

pub const UDP_HELP: &str = "\
Datagrams and KB of payload that came to each socket and left it in the
interval, by the other end, and how many of those that came the socket had to
drop because its queue was full, UDP had no memory, or a filter refused them:

  PID   COMM  LPORT RADDR          RX_DG RX_KB TX_DG TX_KB  DROPS
  4100  named 53    10.0.0.3:41234    12     0    12     2      0

Counts are exact: of what is sent, as it leaves IP, whole; of what comes, as it
reaches the socket, with what DROPS says. Tunnels of the kernel and what IPsec
wraps are not seen. Several datagrams that come as one are one drop. Programs
run for every packet of local sockets while this is watching, TCP's pass after
one look.";

pub const AGENT_HELP: &str = "\
Metrics are at /metrics, in Prometheus' text format or OpenMetrics, as the
scraper asks. TCP metrics have Istio's names and labels (istio_tcp_…) except
where a sidecar (an Envoy that listens at 15001 and 15006) reports them already:
there they are called meshtax_tcp_…. destination_service is NAME:PORT on both
sides where who listens is on this machine, a service in pods of a lab, and an
address where nobody is known. meshtax_tcp_connections_open has older ones, too.
Labels that Istio has not are named as OpenTelemetry's semantic conventions name
them, where they do (network_transport, server_port, k8s_pod_uid; with dots in
OTLP).
Between scrapes only DNS queries without an answer are looked for.

What nobody knows is unknown, as Istio says.
meshtax_tcp_unknown_bytes_connections_total has connections in a sockmap, of
which TCP, and so the sums of bytes, may miss what was moved.

meshtax_drops_total has packets that the kernel dropped, by reason;
meshtax_benign_drops_total those for which it has no reason, or one that nobody
misses (see `meshtax drops`).
meshtax_udp_…_total has datagrams and bytes, sent by the side that reports, by
service; it takes programs that run for every packet of local sockets, and
--no-udp leaves them out.

A file says the rest, such as:

  listen: 0.0.0.0:9435
  tls: {certificate: tls.crt, key: tls.key}
  token_file: token
  otlp: {endpoint: \"http://collector:4318\", interval: 60s}

It starts as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN. Once its
programs are attached it has no capability left, and can gain none: what it
opened before is all that it takes to read on. Two processes beside it keep
CAP_NET_ADMIN alone, which the kernel wants whenever somebody asks who is behind
a translated address: one asks, the other starts a new one when that ends; with
--no-conntrack there are none. It keeps its user, whose files SIGHUP reads again:
certificates, key and token.";

const UNTIL_HELP: &str = "\
The lab stands up ten times, and rounds are spread over the stand-ups, which are
the unit of statistics; fewer rounds have a stand-up each. `--stands 1` asks for
one: rounds are the unit then, and figures are of this stand-up alone. Requests
and rounds are those of all stand-ups together.

--until looks after 10 stand-ups (10 rounds, with `--stands 1`) and whenever
there are a tenth more, and ends the run where half the width of the metric's
95 % interval is below SHARE in every arm, or after --max-rounds.";

const GATE_HELP: &str = "\
--fail-if is about every arm, with `ARM:` about one. It fails where the whole
95 % interval of the change is above, or the change where there is no interval.";

const COMPARE_HELP: &str = "\
--fail-if with `ARM/BASELINE:` is about what an arm costs beside its baseline
(the ratio in B over the ratio in A), which a slower machine leaves as it is. It
fails where the whole 95 % interval of the change is above, or the change where
there is no interval, and where a fatal caution forbids to believe it. With
--arms-across-runs it may be about an arm in B against itself in A, `ARM:`, or
about every arm; two stand-ups differ by more than intervals hold. Example:

  meshtax compare runs/A runs/B --fail-if 'sidecar/none:cpu_ms_per_request>+5%'
  failed: `sidecar/none:cpu_ms_per_request>+5%`: arm `sidecar`: +110 % [98, 123]";

/// What `run --help` says after the options.
pub fn run() -> String {
    format!("{UNTIL_HELP}\n\n{GATE_HELP}\n\n{}", metrics())
}

/// What `report --help` says after the options.
pub fn report() -> String {
    format!("{GATE_HELP}\n\n{}", metrics())
}

/// What `compare --help` says after the options.
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
connections of nginx with the longest round trips first. NO_COLOR is heeded.";

/// What `top --help` says after the options.
pub fn top() -> String {
    let keys: String = attribution::KEYS.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "{TOP_LINES}\n\nOn a terminal it takes the whole screen, with bytes by the second, and keys:\n{keys}\n{TOP_EXAMPLE}"
    )
}
