// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The algorithm of bcc's tcptop: at every send and receive, add to a hash map by process and connection; user space
 * reads the maps and clears them every second. Two tracepoints stand in for bcc's kprobes, IPv4 for both families, and
 * the maps have bcc's size. */
#include "kernel.h"

#define SEC(name)           __attribute__((section(name), used))
#define __uint(name, value) int(*name)[value]
#define __type(name, type)  type *name

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static __u64 (*bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*bpf_get_current_comm)(void *comm, __u32 size) = (void *)16;

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct key {
	__u32 pid;
	char comm[16];
	__u32 local;
	__u32 remote;
	__u16 local_port;
	__u16 remote_port;
};

struct bytes_by_key {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, struct key);
	__type(value, __u64);
} sent SEC(".maps"), received SEC(".maps");

static const __u64 nothing;

static inline __attribute__((always_inline)) void count(void *bytes, struct sock *sk, int more)
{
	struct key key = {};
	__u64 *found;

	if (more <= 0 || sk->sk_protocol != IPPROTO_TCP || sk->__sk_common.skc_family != AF_INET)
		return;
	key.pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(key.comm, sizeof(key.comm));
	key.local = sk->__sk_common.skc_rcv_saddr;
	key.remote = sk->__sk_common.skc_daddr;
	key.local_port = sk->__sk_common.skc_num;
	key.remote_port = __builtin_bswap16(sk->__sk_common.skc_dport);
	found = bpf_map_lookup_elem(bytes, &key);
	if (!found) {
		bpf_map_update_elem(bytes, &key, &nothing, BPF_NOEXIST);
		found = bpf_map_lookup_elem(bytes, &key);
	}
	if (found)
		*found += more;
}

SEC("tp_btf/sock_send_length")
int top_sent(__u64 *context)
{
	count(&sent, (struct sock *)context[0], context[1]);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int top_received(__u64 *context)
{
	count(&received, (struct sock *)context[0], context[1]);
	return 0;
}

/* What counting the time of a program costs by itself. */
SEC("tp_btf/sock_send_length")
int empty(__u64 *context)
{
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int empty_state(__u64 *context)
{
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int empty_destroy(__u64 *context)
{
	return 0;
}
