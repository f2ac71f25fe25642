//! What records in the kernel have in common: texts, addresses, and how they are read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zerocopy::FromBytes;

pub const COMM_LEN: usize = 16;

const AF_INET: u16 = 2;

/// What programs have written.
pub fn read<T: FromBytes>(bytes: &[u8]) -> T {
    T::read_from_bytes(bytes).expect("programs and loader share one layout")
}

/// The text before the first zero.
pub fn comm(bytes: &[u8; COMM_LEN]) -> String {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// The address in 16 bytes. IPv4 that a socket of IPv6 speaks is told as IPv4.
pub fn address(family: u16, bytes: &[u8; 16]) -> IpAddr {
    if family == AF_INET {
        let [a, b, c, d, ..] = *bytes;
        return Ipv4Addr::new(a, b, c, d).into();
    }
    Ipv6Addr::from(*bytes).to_canonical()
}
