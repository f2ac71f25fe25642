//! Handover of the open tables from the keeper to a reader: packets over a socket, which carry file descriptors.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::names::Tables;
use super::table::Table;

/// How long a receiver may block the handover.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest packet in bytes. It holds reasons, or the name of a namespace.
const PACKET_MAX: usize = 64 << 10;

/// Maximum number of file descriptors in a packet.
const DESCRIPTORS_MAX: usize = 2;

/// Everything that reading takes.
#[derive(Debug)]
pub(super) struct Estate {
    /// What cannot be seen, each with the reason.
    pub missing: Vec<String>,
    /// Pipe on which the agent sends orders.
    pub orders: OwnedFd,
    pub tables: Tables,
}

/// First packet of a handover. It carries the pipe of orders, and says how many tables follow.
#[derive(Debug, Serialize, Deserialize)]
struct HandoverHead {
    missing: Vec<String>,
    tables: usize,
}

/// Packet of one table. It carries the table's socket and, if the kernel has one, the file with its number of
/// connections.
#[derive(Debug, Serialize, Deserialize)]
struct Label {
    netns: u32,
    name: Option<PathBuf>,
}

/// Creates the channel of a handover: the giver's end, whose writes time out, and the receiver's end.
pub(super) fn channel() -> io::Result<[OwnedFd; 2]> {
    let (gives, takes) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    set_socket_timeout(&gives, Timeout::Send, Some(PATIENCE))?;
    Ok([gives, takes])
}

impl Estate {
    /// Sends a copy of everything over the channel.
    pub fn give(&self, channel: &OwnedFd) -> io::Result<()> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let head = HandoverHead { missing: self.missing.clone(), tables: tables.len() };
        give(channel, &head, &[self.orders.as_fd()])?;
        for Table { netns, name, socket, count } in &*tables {
            let descriptors = [Some(socket.as_fd()), count.as_ref().map(AsFd::as_fd)];
            let descriptors: Vec<_> = descriptors.into_iter().flatten().collect();
            give(channel, &Label { netns: *netns, name: name.clone() }, &descriptors)?;
        }
        Ok(())
    }

    /// Receives everything over the channel.
    ///
    /// # Errors
    ///
    /// Returns an error if the giver ends before it has sent everything.
    pub fn take(channel: impl AsFd) -> io::Result<Self> {
        let (head, mut descriptors) = take::<HandoverHead>(channel.as_fd())?;
        let orders = descriptors.next().ok_or(io::ErrorKind::InvalidData)?;
        let table = |_| {
            let (label, mut descriptors) = take::<Label>(channel.as_fd())?;
            let socket = descriptors.next().ok_or(io::ErrorKind::InvalidData)?;
            Ok(Table { netns: label.netns, name: label.name, socket, count: descriptors.next().map(File::from) })
        };
        let tables = (0..head.tables).map(table).collect::<io::Result<_>>()?;
        Ok(Self { missing: head.missing, orders, tables: Arc::new(Mutex::new(tables)) })
    }
}

fn give(channel: &OwnedFd, what: &impl Serialize, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let text = serde_json::to_vec(what)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    rights.push(SendAncillaryMessage::ScmRights(descriptors));
    sendmsg(channel, &[IoSlice::new(&text)], &mut rights, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn take<T: DeserializeOwned>(channel: BorrowedFd<'_>) -> io::Result<(T, impl Iterator<Item = OwnedFd>)> {
    let mut text = vec![0; PACKET_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let taken = recvmsg(channel, &mut [IoSliceMut::new(&mut text)], &mut rights, RecvFlags::CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for message in rights.drain() {
        if let RecvAncillaryMessage::ScmRights(some) = message {
            descriptors.extend(some);
        }
    }
    Ok((serde_json::from_slice(&text[..taken.bytes])?, descriptors.into_iter()))
}
