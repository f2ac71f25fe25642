//! Netlink requests whose answers are lists.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage, NetlinkPayload,
    NetlinkSerializable,
};
use rustix::buffer::spare_capacity;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};

/// Size in bytes of the largest message from the kernel.
const MESSAGE_MAX: usize = 1 << 16;

/// Opens a netlink socket in this thread's network namespace.
///
/// # Errors
///
/// Returns an error if the kernel lacks that protocol, or this process has too many open files.
pub fn open(part: Protocol) -> io::Result<OwnedFd> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(part))?;
    // Only the kernel's messages are received.
    connect(&socket, &SocketAddrNetlink::new(0, 0))?;
    Ok(socket)
}

/// Sends a request and calls `take` with each entry of the answer.
///
/// # Errors
///
/// Returns an error if the kernel refuses the request, or if an answer cannot be parsed.
pub fn list<M>(socket: impl AsFd, question: M, mut take: impl FnMut(M)) -> io::Result<()>
where
    M: NetlinkSerializable + NetlinkDeserializable + Into<NetlinkPayload<M>>,
{
    let mut buffer = Vec::with_capacity(MESSAGE_MAX);
    // Drop the unread rest of an earlier answer whose reading was cut short.
    while recv(&socket, spare_capacity(&mut buffer), RecvFlags::DONTWAIT).is_ok() {
        buffer.clear();
    }
    send(&socket, &packet(question), SendFlags::empty())?;
    loop {
        buffer.clear();
        recv(&socket, spare_capacity(&mut buffer), RecvFlags::empty())?;
        let mut rest = &buffer[..];
        while !rest.is_empty() {
            let message = NetlinkMessage::<M>::deserialize(rest).map_err(io::Error::other)?;
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(()),
                NetlinkPayload::Error(error) if error.code.is_some() => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(entry) => take(entry),
                _ => {}
            }
            // Messages are aligned to four bytes.
            let length = (message.header.length as usize).next_multiple_of(4);
            rest = rest.get(length..).unwrap_or_default();
        }
    }
}

fn packet<M: NetlinkSerializable + Into<NetlinkPayload<M>>>(question: M) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut packet = NetlinkMessage::new(header, question.into());
    packet.finalize();
    let mut bytes = vec![0; packet.buffer_len()];
    packet.serialize(&mut bytes);
    bytes
}
