// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who talks to whom over TCP, how much and how well: exact, and with no program on the way of a packet.
 *
 * A socket's story begins at `listen` or `connect`, where the owner is known, or as a child of a listener, whose owner it
 * inherits. What the kernel counts per socket is read at snapshots and, a last time, when the socket closes; each reading
 * adds what is new to a series. Nothing is ever cleared.
 *
 * The kernel lets no program of a tracepoint interrupt itself: while a process changes the state of a socket, a batch of
 * packets may come in between on its processor, and what these change passes the program by. So a change that comes later
 * makes up for those that were missed, `on_destroy` for a missed end, and whoever finds a story whose socket is no more for
 * both. */
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

/* Loaded only where there are sockmaps: what a socket has of them is gone before its end. A program at a control group
 * cannot read its socket as one, but by an address that is no pointer to the verifier. */
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

/* --- What is older than the probe --- */

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

/* Never attached: run once for each entry of a table, which it is handed as a packet, in the entry's network namespace. */
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

/* --- What happens to single packets of a connection --- */

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

/* Whether the kernel also tells of segments that it could not send again, and why: since 6.17. */
const volatile __u32 tells_failures SEC(".rodata.failures");

/* The arguments are the socket, the segment and, where there is a third, what came of it: older kernels have none, and the
 * verifier leaves its reading out. */
SEC("tp_btf/tcp_retransmit_skb")
int on_retransmit(__u64 *arguments)
{
	if (tells_failures && (int)arguments[2])
		return 0;
	report_retransmit((struct sock *)arguments[0]);
	return 0;
}

/* Of no socket, and of one in TIME_WAIT, nothing is known. What closes a connection by a reset sends it after the
 * connection's end, and what is sent to a socket without a process is answered by one when the socket is given up. */
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

/* Whether or not a connection comes of it. */
static __always_inline void count_synack(struct request_sock *request, struct story *story)
{
	struct series_key key = key_of(&request->__req_common, story);
	struct series *series = series_of(&key);

	if (series)
		add(&series->retransmits, 1);
}

/* The listener's story with the peer's address: the connection itself is not made yet. */
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
