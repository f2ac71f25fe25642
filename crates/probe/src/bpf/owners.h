/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The owners of UDP sockets, and of sockets whose packets are dropped. They are recorded when sockets are made, and for
 * older sockets at the start. Nothing here runs per packet. */
#ifndef MESHTAX_OWNERS_H
#define MESHTAX_OWNERS_H

#include "asked.h"
#include "socket.h"

#define COMM_LEN 16

struct owner {
	__u64 at; /* address of the socket */
	__u64 cgroup;
	__u32 pid;
	__u32 uid;
	__u32 netns;
	__u32 executed;   /* number of programs that the process had executed by then */
	__u16 asked_port; /* for UDP, like the next three; see udp.bpf.c */
	__u8 role;
	__u8 is_new : 1; /* its creation was seen */
	__u8 is_bound : 1;
	char comm[COMM_LEN];
	struct asked asked;
};

/* The owner in a socket's storage. A listener's children inherit it. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct owner);
} owners SEC(".maps");

/* Returns the socket, to be read through its address. Programs at a control group get a pointer through which the
 * kernel's fields cannot be read. */
static __always_inline struct sock *socket_at(struct owner *owner)
{
	return (struct sock *)*(volatile __u64 *)&owner->at;
}

static __always_inline __u32 times_executed(void)
{
	return READ_AT(struct task_struct, bpf_get_current_task(), self_exec_id);
}

/* Makes the current process the owner of the socket. */
static __always_inline void take_over(struct owner *owner)
{
	struct task_struct *leader = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), group_leader);

	owner->executed = times_executed();
	owner->pid = bpf_get_current_pid_tgid() >> 32;
	owner->uid = bpf_get_current_uid_gid();
	owner->cgroup = bpf_get_current_cgroup_id();
	BPF_CORE_READ_STR_INTO(&owner->comm, leader, comm);
}

/* Records the owner of a socket that the current process creates. */
static __always_inline bool own(struct bpf_sock *made)
{
	struct owner *owner = bpf_sk_storage_get(&owners, made, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (!owner)
		return false;
	owner->at = (__u64)made;
	owner->is_new = 1;
	owner->netns = netns_of(socket_at(owner));
	take_over(owner);
	return true;
}

/* The owner of a socket that is older than the programs. Newer kernels refuse storage in a socket that was found
 * through a file. So the owner is kept here until the socket is seen in another way. */
struct older {
	struct owner owner; /* first, because the verifier allows no offset from a pointer that may be null */
	__u64 inode;        /* of its file, which differs for another socket at this address */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u64); /* the socket's address; for a listener also its `port_of` */
	__type(value, struct older);
} older_sockets SEC(".maps");

static __always_inline __u64 inode_of(__u64 at)
{
	return BPF_CORE_READ((struct sock *)at, sk_socket, file, f_inode, i_ino);
}

/* Returns a key for a port of a network namespace. It cannot be an address in the kernel. */
static __always_inline __u64 port_of(__u32 netns, __u16 port)
{
	return (__u64)netns << 16 | port;
}

/* Records the owner of a socket that is older than the programs and that a process holds. */
static __always_inline bool seed(struct task_struct *task, struct sock *sk)
{
	struct older older = {};
	struct older *known;
	__u64 at = (__u64)sk;

	if (is_about_to_exec(task))
		return true;
	older.inode = inode_of(at);
	known = bpf_map_lookup_elem(&older_sockets, &at);
	if (known && known->inode == older.inode)
		return true;
	older.owner.at = at;
	older.owner.pid = task->tgid;
	older.owner.executed = BPF_CORE_READ(task, self_exec_id);
	older.owner.uid = BPF_CORE_READ(task, cred, uid.val);
	older.owner.cgroup = cgroup_of(sk);
	older.owner.netns = netns_of(sk);
	BPF_CORE_READ_STR_INTO(&older.owner.comm, task, group_leader, comm);
	if (sk->sk_protocol == IPPROTO_TCP && sk->__sk_common.skc_state == TCP_LISTEN) {
		__u64 port = port_of(older.owner.netns, sk->__sk_common.skc_num);

		bpf_map_update_elem(&older_sockets, &port, &older, BPF_ANY);
	}
	return !bpf_map_update_elem(&older_sockets, &at, &older, BPF_ANY);
}

/* Returns the owner of a socket that is older than the programs and has no owner in its storage yet. */
static __always_inline struct owner *older_owner(__u64 at)
{
	struct older *older = bpf_map_lookup_elem(&older_sockets, &at);

	return older && older->inode == inode_of(at) ? &older->owner : 0;
}

/* Returns the owner of a listener that is older than the programs. Its children inherit that owner. */
static __always_inline struct owner *older_listener(__u32 netns, __u16 port)
{
	__u64 key = port_of(netns, port);
	struct older *older = bpf_map_lookup_elem(&older_sockets, &key);

	return older ? &older->owner : 0;
}

/* Copies the owner of a socket that is older than the programs into its storage. */
static __always_inline void inherit_older(struct owner *owner, __u64 at)
{
	struct owner *older;

	if (owner->at)
		return;
	owner->at = at;
	older = older_owner((__u64)socket_at(owner));
	if (older)
		*owner = *older;
}

/* Returns the socket behind a file, if it is an IPv4 or IPv6 socket. */
static __always_inline struct sock *socket_of(struct file *file)
{
	struct socket *socket = file ? bpf_sock_from_file(file) : 0;
	struct sock *sk = socket ? socket->sk : 0;

	if (!sk || (sk->__sk_common.skc_family != AF_INET && sk->__sk_common.skc_family != AF_INET6))
		return 0;
	return sk;
}

#endif
