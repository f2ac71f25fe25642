/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The owner of a TCP socket: its process, user and control group. */
#ifndef MESHTAX_OWNER_H
#define MESHTAX_OWNER_H

#include "story.h"

static __always_inline __u64 cgroup_directly(struct sock *sk)
{
	if (!bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return 0; /* before Linux 5.15 */
	return sk->sk_cgrp_data.cgroup->kn->id;
}

/* Copies a process name up to its end. Before Linux 5.17, the rest of an earlier, longer name may follow the end. */
static __always_inline void copy_name(char *to, const char *from)
{
	const __u64 ones = 0x0101010101010101, *words = (const __u64 *)from;
	bool ended = false;

	for (int i = 0; i < COMM_LEN / 8; i++) {
		__u64 word = ended ? 0 : words[i], zeros = (word - ones) & ~word & ones << 7;

		((__u64 *)to)[i] = word & ((zeros & -zeros) - 1); /* little endian */
		ended = zeros;
	}
}

/* Records the current process as the owner. From Linux 5.11 on the process is read directly, which is faster. */
static __always_inline void own(struct story *story)
{
	struct task_struct *task;

	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)) {
		task = (struct task_struct *)bpf_get_current_task();
		story->pid = BPF_CORE_READ(task, tgid);
		story->uid = BPF_CORE_READ(task, cred, uid.val);
		BPF_CORE_READ_STR_INTO(&story->key.comm, task, group_leader, comm);
		return;
	}
	task = bpf_get_current_task_btf();
	story->pid = task->tgid;
	story->uid = task->cred->uid.val;
	copy_name(story->key.comm, task->group_leader->comm);
}

static __always_inline __u16 local_port(struct sock *sk)
{
	return bpf_ntohs(READ_AT(struct inet_sock, sk, inet_sport));
}

#endif
