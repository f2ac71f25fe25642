// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Opens, resets and retransmits, for kernels before 5.13. On those, no program can list all sockets, and before 5.12 no
 * program can read a socket's cookie.
 *
 * A socket's story is in a map by the socket's address, from its first change of state to its last. If the map is full,
 * the oldest stories are dropped. Nothing is inherited from listeners, so accepted connections have no owner. Events of
 * sockets without a story are still reported. */
#include "event.h"
#include "failure.h"
#include "owner.h"
#include "record.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct story);
} openings SEC(".maps");

static const struct story untold = {};

static __always_inline const struct story *story_of(struct sock *sk)
{
	__u64 at = (__u64)sk;
	struct story *story = bpf_map_lookup_elem(&openings, &at);

	return story ? story : &untold;
}

static __always_inline void begin(struct sock *sk, int state)
{
	struct story story = {};
	__u64 at = (__u64)sk;

	story.begun_ns = bpf_ktime_get_ns();
	story.local_port = sk->__sk_common.skc_num;
	story.key.cgroup = cgroup_directly(sk);
	if (state != TCP_SYN_RECV)
		own(&story);
	bpf_map_update_elem(&openings, &at, &story, BPF_ANY);
}

static __always_inline struct connection *open_event(int kind, struct sock *sk, int role)
{
	struct connection *event = reserve(kind);

	if (!event)
		return 0;
	describe(event, sk, story_of(sk));
	event->role = role;
	event->local_port = local_port(sk);
	event->flags = FLAG_PARTIAL;
	return event;
}

static __always_inline void establish(struct sock *sk, int from)
{
	bool accepted = from == TCP_SYN_RECV;
	struct connection *event =
		open_event(accepted ? KIND_ACCEPTED : KIND_CONNECTED, sk, accepted ? ROLE_SERVER : ROLE_CLIENT);
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	if (!event)
		return;
	event->established_ns = event->at_ns;
	if (accepted)
		event->begun_ns =
			answered_at(BPF_CORE_READ(tp, srtt_us), BPF_CORE_READ(tp, total_retrans), event->at_ns);
	event->state = TCP_ESTABLISHED;
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void end(struct sock *sk, int from)
{
	struct tcp_sock *tp = from == TCP_SYN_SENT ? bpf_skc_to_tcp_sock(sk) : 0;
	struct connection *event = tp ? open_event(KIND_FAILED, sk, ROLE_CLIENT) : 0;
	__u64 at = (__u64)sk;

	if (event) {
		event->state = from;
		event->error = failure_of(sk, tp);
		bpf_ringbuf_submit(event, 0);
	}
	bpf_map_delete_elem(&openings, &at);
}

static __always_inline int change_state(struct sock *sk, int from, int to)
{
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (to == TCP_LISTEN || to == TCP_SYN_SENT || to == TCP_SYN_RECV)
		begin(sk, to);
	if (to == TCP_ESTABLISHED)
		establish(sk, from);
	if (to == TCP_CLOSE)
		end(sk, from);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int from, int to)
{
	return change_state(sk, from, to);
}

static __always_inline void look_for_unrouted(struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct story story = {};
	struct connection *event;

	if (!tp || !tell_unrouted(sk, tp, &story))
		return;
	event = reserve(KIND_FAILED);
	if (!event)
		return;
	describe_unrouted(event, sk, &story);
	event->flags = FLAG_PARTIAL;
	bpf_ringbuf_submit(event, 0);
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(on_destroy, struct sock *sk)
{
	look_for_unrouted(sk);
	return 0;
}

/* Reports an event, unless there is no socket or not a full one, such as one in TIME_WAIT. */
static __always_inline void report(struct sock *sk, int kind)
{
	struct tcp_sock *tp = sk ? bpf_skc_to_tcp_sock(sk) : 0;
	struct connection *event = tp ? open_event(kind, sk, ROLE_UNKNOWN) : 0;
	struct reading reading;

	if (!event)
		return;
	reading = read_socket(tp);
	describe_traffic(event, &reading, &untold, (struct bytes){}, reading.state);
	bpf_ringbuf_submit(event, 0);
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(on_retransmit, struct sock *sk)
{
	report(sk, KIND_RETRANSMITTED);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(on_reset_received, struct sock *sk)
{
	report(sk, KIND_RESET_RECEIVED);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(on_reset_sent, struct sock *sk)
{
	report(sk, KIND_RESET_SENT);
	return 0;
}

static __always_inline void report_synack(struct sock *sk, struct request_sock *request)
{
	struct connection *event = open_event(KIND_SYNACK_AGAIN, sk, ROLE_LISTENER);

	if (!event)
		return;
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
