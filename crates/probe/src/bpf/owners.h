/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose a socket is: noted as it is made, and for those that are older once at the start. Nothing runs per packet. */
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
	__u32 executed;   /* how often the process had executed a program by then */
	__u16 asked_port; /* of UDP; see udp.bpf.c for these */
	__u8 role;
	__u8 is_new : 1; /* it was seen to be made */
	__u8 is_bound : 1;
	char comm[COMM_LEN];
	struct asked asked;
};

/* A listener's children inherit its owner. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct owner);
} owners SEC(".maps");

/* The socket, to be read through its address: what programs at a control group are given as one cannot be read as such. */
static __always_inline struct sock *socket_at(struct owner *owner)
{
	return (struct sock *)*(volatile __u64 *)&owner->at;
}

static __always_inline __u32 times_executed(void)
{
	return READ_AT(struct task_struct, bpf_get_current_task(), self_exec_id);
}

/* The socket is the current process's from now on. */
static __always_inline void take_over(struct owner *owner)
{
	struct task_struct *leader = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), group_leader);

	owner->executed = times_executed();
	owner->pid = bpf_get_current_pid_tgid() >> 32;
	owner->uid = bpf_get_current_uid_gid();
	owner->cgroup = bpf_get_current_cgroup_id();
	BPF_CORE_READ_STR_INTO(&owner->comm, leader, comm);
}

/* The current process makes a socket. */
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

/* A process has a socket that is older than the programs. */
static __always_inline bool seed(struct task_struct *task, struct sock *sk)
{
	struct owner *owner = bpf_sk_storage_get(&owners, sk, 0, 0);

	if (owner || is_about_to_exec(task))
		return true;
	owner = bpf_sk_storage_get(&owners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!owner)
		return false;
	owner->at = (__u64)sk;
	owner->pid = task->tgid;
	owner->executed = BPF_CORE_READ(task, self_exec_id);
	owner->uid = BPF_CORE_READ(task, cred, uid.val);
	owner->cgroup = cgroup_of(sk);
	owner->netns = netns_of(sk);
	BPF_CORE_READ_STR_INTO(&owner->comm, task, group_leader, comm);
	return true;
}

/* The socket behind a file, if it speaks a protocol of the Internet. */
static __always_inline struct sock *socket_of(struct file *file)
{
	struct socket *socket = file ? bpf_sock_from_file(file) : 0;
	struct sock *sk = socket ? socket->sk : 0;

	if (!sk || (sk->__sk_common.skc_family != AF_INET && sk->__sk_common.skc_family != AF_INET6))
		return 0;
	return sk;
}

#endif
