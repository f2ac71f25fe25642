/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose a socket is. */
#ifndef MESHTAX_OWNER_H
#define MESHTAX_OWNER_H

#include "story.h"

static __always_inline __u64 cgroup_directly(struct sock *sk)
{
	if (!bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return 0; /* before 5.15 */
	return sk->sk_cgrp_data.cgroup->kn->id;
}

/* Notes the current process as the owner. */
static __always_inline void own(struct story *story)
{
	struct task_struct *leader = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), group_leader);

	story->pid = bpf_get_current_pid_tgid() >> 32;
	story->uid = bpf_get_current_uid_gid();
	BPF_CORE_READ_STR_INTO(&story->key.comm, leader, comm);
}

static __always_inline __u16 local_port(struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
}

#endif
