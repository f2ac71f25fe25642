//! Parts that the kernel's records share: text and addresses, and how they are read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zerocopy::FromBytes;

pub const COMM_LEN: usize = 16;

const AF_INET: u16 = 2;

/// Reads a structure that the programs have written.
pub fn read<T: FromBytes>(bytes: &[u8]) -> T {
    T::read_from_bytes(bytes).expect("programs and loader share one layout")
}

/// Returns the text before the first zero byte.
pub fn comm(bytes: &[u8; COMM_LEN]) -> String {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// Returns the address in 16 bytes. An IPv4 address mapped into IPv6 becomes an IPv4 address.
pub fn address(family: u16, bytes: &[u8; 16]) -> IpAddr {
    if family == AF_INET {
        let [a, b, c, d, ..] = *bytes;
        return Ipv4Addr::new(a, b, c, d).into();
    }
    Ipv6Addr::from(*bytes).to_canonical()
}
