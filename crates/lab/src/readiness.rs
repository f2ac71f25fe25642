//! Whether what runs in a pod is ready, and if it is not, what was met.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use topology::PORTS_RESERVED;

use crate::blueprint::Blueprint;
use crate::error::LabError;
use crate::pod::Pod;
use crate::site::Site;

/// Pause between two looks at something that does not tell by itself when it is ready.
const PROBE_PERIOD: Duration = Duration::from_millis(5);
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

impl Pod {
    /// The text that an HTTP server inside the pod answers with. The status is part of the answer: none is an error.
    pub fn http_get(&self, address: Ipv4Addr, port: u16, path: &str) -> io::Result<(u16, String)> {
        let (status, body) = self.ask(address, port, path).map_err(io::Error::other)?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    /// Asks as the kubelet does: any status from 200 to 399 is well, whatever comes with it. What was met instead, else.
    pub(crate) fn is_well(&self, address: Ipv4Addr, port: u16, path: &str) -> Result<(), String> {
        let met = match self.ask(address, port, path) {
            Ok((200..400, _)) => return Ok(()),
            Ok((status, _)) => format!("was answered with {status}"),
            Err(ureq::Error::Timeout(_)) => format!("was not answered within {} s", PROBE_TIMEOUT.as_secs()),
            Err(error) => format!("failed ({error})"),
        };
        Err(format!("`GET http://{address}:{port}{path}` {met}"))
    }

    /// No proxy of the host's, and no other place than the one that was asked.
    fn ask(&self, address: Ipv4Addr, port: u16, path: &str) -> Result<(u16, Vec<u8>), ureq::Error> {
        let url = format!("http://{address}:{port}{path}");
        let asked = self.netns().run(|| {
            // A bound on the whole would take a thread that looks names up, and panic where there is none to be had.
            let config = ureq::Agent::config_builder().timeout_connect(Some(PROBE_TIMEOUT));
            let config = config.timeout_send_request(Some(PROBE_TIMEOUT)).timeout_recv_response(Some(PROBE_TIMEOUT));
            let config = config.timeout_recv_body(Some(PROBE_TIMEOUT)).http_status_as_error(false);
            let agent = ureq::Agent::new_with_config(config.proxy(None).max_redirects(0).build());
            Ok(agent.get(&url).call().and_then(|mut answer| {
                let body = answer.body_mut().read_to_vec()?;
                Ok((answer.status().as_u16(), body))
            }))
        });
        asked.unwrap_or_else(|error| Err(ureq::Error::Io(error)))
    }

    /// Whether a program inside accepts connections there; why not, else.
    pub(crate) fn accepts(&self, address: Ipv4Addr, port: u16) -> Result<(), String> {
        let connect = || TcpStream::connect_timeout(&(address, port).into(), PROBE_TIMEOUT);
        self.netns()
            .run(connect)
            .map(drop)
            .map_err(|error| format!("a connection to {address}:{port} failed ({error})"))
    }

    /// Waits until `is_ready` says so, while `container` lives.
    pub(crate) fn wait_for(
        &mut self,
        container: &str,
        site: &Site<'_>,
        is_ready: impl Fn(&Pod) -> Result<(), String>,
    ) -> Result<(), LabError> {
        let Site { blueprint: Blueprint { patience, .. }, stop, trees, .. } = site;
        let deadline = Instant::now() + *patience;
        while let Err(met) = is_ready(self) {
            stop.check()?;
            let is_late = Instant::now() > deadline;
            let listening = if is_late { self.listening() } else { String::new() };
            self.look_after(trees)?;
            if is_late {
                let process = self.container(container).expect("a container is waited for after it was started");
                return Err(process.failed(&format!("is not ready after {} s: {met}; {listening}", patience.as_secs())));
            }
            std::thread::sleep(PROBE_PERIOD);
        }
        Ok(())
    }

    /// Where programs of the pod's accept connections.
    fn listening(&self) -> String {
        let tables = self
            .netns()
            .run(|| Ok(["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/thread-self/net/{table}")))));
        let tables = tables.into_iter().flatten().flatten();
        let mut all: Vec<SocketAddr> = tables.flat_map(|table| listeners(&table)).collect();
        all.retain(|place| !PORTS_RESERVED.contains(&place.port()));
        all.sort_unstable();
        let all: Vec<String> = all.iter().map(SocketAddr::to_string).collect();
        if all.is_empty() {
            "nothing in the pod listens".to_owned()
        } else {
            format!("in the pod listen {}", all.join(", "))
        }
    }
}

/// The sockets that listen, in the text of `/proc/net/tcp` or `tcp6`: state 0A, the address in words as the machine has them
/// (`get_tcp4_sock` of net/ipv4/tcp_ipv4.c).
fn listeners(table: &str) -> Vec<SocketAddr> {
    let row = |line: &str| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, state) = (fields.next()?, fields.nth(1)?);
        let (address, port) = local.split_once(':')?;
        let words =
            address.as_bytes().chunks(8).map(|word| u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok());
        let bytes: Vec<u8> = words.collect::<Option<Vec<u32>>>()?.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let address = match <[u8; 4]>::try_from(&*bytes) {
            Ok(four) => IpAddr::V4(Ipv4Addr::from(four)),
            Err(_) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(&*bytes).ok()?)),
        };
        (state == "0A").then_some(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?))
    };
    table.lines().filter_map(row).collect()
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    #[test]
    fn listeners_of_both_families() {
        let four = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                    0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 17 1\n   \
                    1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 18 1\n";
        assert_eq!(listeners(four), ["127.0.0.1:8080".parse().unwrap()]);
        let six =
            "   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 9 1\n";
        assert_eq!(listeners(six), ["[::1]:80".parse().unwrap()]);
        assert_eq!(listeners("nothing of the kind\n"), []);
    }
}
