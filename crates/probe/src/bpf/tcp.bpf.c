// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who talks to whom over TCP, how much and how well. The counts are exact, and no program runs per packet.
 *
 * A socket's story begins at `listen` or `connect`, where the owner is known, or as a child of a listener, whose owner
 * it inherits. The kernel's counts of each socket are read at snapshots, and a last time when the socket closes. Each
 * reading adds what is new to a series. No series is ever cleared.
 *
 * A tracepoint program cannot interrupt itself on a CPU. While a process changes the state of a socket, packets may
 * arrive on the same CPU, and the program misses the changes that they make. So a later change makes up for missed
 * ones, and `on_destroy` for a missed end. If both were missed, whoever finds a story without a socket makes up for
 * them. */
#include "seed.h"
#include "snapshot.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* --- The life of a socket --- */

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int from, int to)
{
	return change_state(sk, from, to);
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(on_destroy, struct sock *sk)
{
	return destroy(sk);
}

/* Looks for a sockmap's data when a socket is closed, because that data is removed before the socket's end. The program
 * is loaded only if there are sockmaps. It cannot read the kernel's fields through its pointer, but through an address
 * that the verifier does not take for a pointer. */
SEC("?cgroup/sock_release")
int on_release(struct bpf_sock *sk)
{
	__u64 at = (__u64)sk;
	struct story *story = bpf_map_lookup_elem(&stories, &at);

	if (!story || !story->established)
		return 1;
	at = DIRECTLY(story, at);
	note_bypass(story, (__u64)BPF_CORE_READ((struct sock *)at, sk_user_data));
	return 1;
}

/* --- Snapshots --- */

SEC("iter/bpf_map")
int tell_all(struct bpf_iter__bpf_map *context)
{
	at_end(context, &stories, tell_one, 0);
	return 0;
}

SEC("iter/bpf_map")
int write_all(struct bpf_iter__bpf_map *context)
{
	struct look look = look_now();

	at_end(context, &stories, write_one, &look);
	if (look.is_cut_short)
		bpf_seq_write(context->meta->seq, &look.is_cut_short, sizeof(look.is_cut_short));
	return 0;
}

SEC("iter/bpf_map")
int sweep_all(struct bpf_iter__bpf_map *context)
{
	at_end(context, &stories, sweep_one, 0);
	return 0;
}

/* --- Sockets older than the probe --- */

SEC("iter/task_file")
int seed_listeners(struct bpf_iter__task_file *context)
{
	seed_held(context->task, context->file, true);
	return 0;
}

SEC("iter/task_file")
int seed_connections(struct bpf_iter__task_file *context)
{
	seed_held(context->task, context->file, false);
	return 0;
}

/* Starts the story of one socket in a table. The program is never attached. User space runs it once for each entry, in
 * the entry's network namespace, and passes the entry as the packet. */
SEC("?tc")
int seed_entry(struct __sk_buff *context)
{
	struct bpf_sock *found;
	struct entry entry;

	if (bpf_skb_load_bytes(context, 0, &entry, sizeof(entry)))
		return 0;
	found = find(context, &entry);
	if (!found)
		return 0;
	seed_unheld(found, entry.id);
	bpf_sk_release(found);
	return 0;
}

/* --- Single packets of a connection --- */

static __always_inline void report(struct sock *sk, struct tcp_sock *tp, struct story *story, int kind)
{
	struct connection *event = reserve(kind);
	struct reading reading;

	if (!event)
		return;
	reading = read_socket(tp);
	describe(event, sk, story);
	describe_traffic(event, &reading, story, bytes_by_now(&reading, story), reading.state);
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void report_retransmit(struct sock *sk)
{
	struct tcp_sock *tp = is_fed(KIND_RETRANSMITTED) ? bpf_skc_to_tcp_sock(sk) : 0;
	struct story *story = tp ? story_or_adopted(sk, tp) : 0;

	if (story)
		report(sk, tp, story, KIND_RETRANSMITTED);
}

/* Whether the kernel also reports segments that it could not retransmit, with the reason: since Linux 6.17. */
const volatile __u32 tells_failures SEC(".rodata.failures");

/* The arguments are the socket, the segment and, since Linux 6.17, the result. On older kernels the verifier removes
 * the reading of the result. */
SEC("tp_btf/tcp_retransmit_skb")
int on_retransmit(__u64 *arguments)
{
	if (tells_failures && (int)arguments[2])
		return 0;
	report_retransmit((struct sock *)arguments[0]);
	return 0;
}

/* Counts and reports a reset. Without a socket, or in TIME_WAIT, nothing is known. A reset that closes a connection is
 * sent after the connection's end, and so is one that answers a packet for a socket without a process: hence the late
 * story. */
static __always_inline void report_reset(struct sock *sk, int kind)
{
	struct tcp_sock *tp = sk ? bpf_skc_to_tcp_sock(sk) : 0;
	struct story *story = tp ? story_of(sk) : 0;
	struct series_key key;
	struct series *series;

	if (tp && !story)
		story = late_story_of(sk);
	if (!story)
		return;
	key = key_of(&sk->__sk_common, story);
	series = series_of(&key);
	if (series)
		add(kind == KIND_RESET_SENT ? &series->resets_sent : &series->resets_received, 1);
	report(sk, tp, story, kind);
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(on_reset_received, struct sock *sk)
{
	report_reset(sk, KIND_RESET_RECEIVED);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(on_reset_sent, struct sock *sk)
{
	report_reset(sk, KIND_RESET_SENT);
	return 0;
}

/* Counts a retransmitted SYN-ACK, whether or not a connection comes of it. */
static __always_inline void count_synack(struct request_sock *request, struct story *story)
{
	struct series_key key = key_of(&request->__req_common, story);
	struct series *series = series_of(&key);

	if (series)
		add(&series->retransmits, 1);
}

/* Reports a retransmitted SYN-ACK, with the listener's story and the peer's address. The connection does not exist
 * yet. */
static __always_inline void report_synack(struct sock *sk, struct request_sock *request)
{
	struct story *story = story_of(sk);
	struct connection *event;

	if (!story)
		return;
	count_synack(request, story);
	event = reserve(KIND_SYNACK_AGAIN);
	if (!event)
		return;
	describe(event, sk, story);
	event->state = TCP_SYN_RECV;
	event->remote_port = bpf_ntohs(request->__req_common.skc_dport);
	event->family = request->__req_common.skc_family;
	ends(&request->__req_common, event->local, event->remote);
	bpf_ringbuf_submit(event, 0);
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(on_synack_again, struct sock *sk, struct request_sock *request)
{
	report_synack(sk, request);
	return 0;
}
