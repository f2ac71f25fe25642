/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Listeners that are handed over to another program. */
#ifndef MESHTAX_HEIR_H
#define MESHTAX_HEIR_H

#include "listener.h"

/* Number of files of a process that are searched for an inherited socket. Inherited files come first. */
#define FILES_MAX 64

/* Returns whether the current process holds this socket. The function is not static, so that the verifier checks it
 * only once. */
__noinline int holds(__u64 at)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	__u32 count = BPF_CORE_READ(table, max_fds);

	for (__u32 i = 0; i < FILES_MAX && i < count; i++) {
		struct socket *socket;
		struct file *file;

		if (bpf_core_read(&file, sizeof(file), files + i) || !file)
			continue;
		socket = BPF_CORE_READ(file, private_data);
		if ((__u64)BPF_CORE_READ(socket, sk) == at)
			return 1;
	}
	return 0;
}

static __always_inline bool is_name(const char *left, const char *right)
{
	const __u64 *a = (const __u64 *)left, *b = (const __u64 *)right;

	return a[0] == b[0] && a[1] == b[1];
}

/* Finds out whether a listener was handed over, when a process ends one of its connections. That process has the
 * connection. If it runs another program than the listener's owner and has the listener as well, the listener was
 * handed over: the owner executed the program, or systemd activated a service. */
static __always_inline void look_for_heir(struct story *story)
{
	struct story *listener, heir = {};

	if (!story || story->key.role != ROLE_SERVER)
		return;
	own(&heir);
	if (is_name(heir.key.comm, story->key.comm))
		return;
	listener = listening_at(story->listener_at, story);
	if (!listener || is_name(heir.key.comm, listener->key.comm) || !holds(known_as(story->listener_at)))
		return;
	listener->pid = heir.pid;
	listener->uid = heir.uid;
	listener->key.cgroup = bpf_get_current_cgroup_id();
	__builtin_memcpy(listener->key.comm, heir.key.comm, COMM_LEN);
}

#endif
