// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who asks which DNS server for what, how long the answer takes, and how the query ends.
 *
 * These programs run for every packet of every socket. Packets that do not use port 53 are left after a few loads. A
 * query is counted at the socket that sends it to port 53, before address translation, and that receives the answer
 * from there. A server's socket sees the same packets with the ports swapped, and they are ignored there. */
#include "asked.h"
#include "every.h"
#include "message.h"
#include "pending.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define DNS_PORT 53

/* Maximum number of messages that are parsed in one segment. */
#define MESSAGES 8

enum { PREFIX_LEN = 2 };

struct owner {
	__u32 pid;
	char comm[OWNER_LEN];
};

/* Destinations that calls name, for sockets that ask name servers in that way. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct asked);
} asked SEC(".maps");

/* One direction of a TCP connection. */
struct stream {
	__u32 start;   /* sequence number after the SYN */
	__u32 next;    /* sequence number of the first byte that was not parsed */
	__u32 skipped; /* remaining bytes of a message that are skipped */
	__u16 message; /* length of a message whose prefix ended a segment */
	__u8 is_sure;  /* the stream was seen from its SYN on */
	__u8 is_known; /* `next` is the start of a message, or of the rest of one */
};

struct conversation {
	struct owner owner;
	struct stream asked;
	struct stream answered;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct conversation);
} conversations SEC(".maps");

/* Records the current process as the owner. It is the owner while a UDP socket sends and while a TCP socket
 * connects. */
static __always_inline void own(struct owner *owner)
{
	struct task_struct *leader = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), group_leader);

	owner->pid = BPF_CORE_READ(leader, tgid);
	BPF_CORE_READ_STR_INTO(&owner->comm, leader, comm);
}

static __always_inline void copy_name(struct __sk_buff *skb, struct query *query, __u32 at, __u32 length)
{
	__u32 last = length - 1;

	if (settings.withholds_names || !is_fed(0))
		return;
	barrier_var(last); /* older verifiers do not derive this number's bounds from a related one */
	if (last >= NAME_LEN_MAX)
		return;
	if (!bpf_skb_load_bytes(skb, at, query->name, last + 1))
		query->name_len = last + 1;
}

/* Records a query of `length` bytes at `at` that a client sends. Returns false if it cannot be parsed. */
static __noinline bool ask(struct __sk_buff *skb, struct packet *packet, struct owner *owner, __u32 at, __u32 length)
{
	struct pending_key key = {};
	struct header header;
	struct query *query;
	__u32 name, end;
	__be16 type;

	if (length < sizeof(header) || bpf_skb_load_bytes(skb, at, &header, sizeof(header)))
		return false;
	if (header.kind & KIND_ANSWER)
		return packet->source_port == DNS_PORT; /* a server's answer to a client that uses port 53 as well */
	if (header.kind & KIND_OPERATION || header.questions != bpf_htons(1))
		return false;
	name = at + sizeof(header);
	end = name_end(skb, name);
	if (!end || end + 2 * sizeof(type) > at + length || bpf_skb_load_bytes(skb, end, &type, sizeof(type)))
		return false;
	key.socket = bpf_get_socket_cookie(skb);
	key.message = header.id;
	query = make_room(&key);
	if (!query)
		return true;
	query->socket = key.socket;
	query->cgroup = bpf_skb_cgroup_id(skb);
	query->netns = BPF_CORE_READ((struct sk_buff *)skb, sk, __sk_common.skc_net.net, ns.inum);
	query->uid = bpf_get_socket_uid(skb);
	query->pid = owner->pid;
	__builtin_memcpy(query->comm, owner->comm, OWNER_LEN);
	__builtin_memcpy(query->local, packet->source, 16);
	__builtin_memcpy(query->server, packet->target, 16);
	query->local_port = packet->source_port;
	query->server_port = packet->target_port;
	query->message = bpf_ntohs(header.id);
	query->type = bpf_ntohs(type);
	query->question_len = end - name;
	query->family = packet->family;
	query->transport = packet->transport;
	copy_name(skb, query, name, end - name);
	query->begun_ns = bpf_ktime_get_ns();
	__sync_lock_test_and_set(&query->state, STATE_WAITING);
	return true;
}

/* Matches an answer at `at` from a server to its query. Returns false if it cannot be parsed. */
static __noinline bool answer(struct __sk_buff *skb, struct packet *packet, __u32 at, __u32 length)
{
	struct pending_key key = {};
	__u32 question = 0, records;
	struct header header;
	struct query *query;
	int place;

	if (length < sizeof(header) || bpf_skb_load_bytes(skb, at, &header, sizeof(header)))
		return false;
	if (!(header.kind & KIND_ANSWER))
		return packet->target_port == DNS_PORT; /* a query of a client that uses port 53 as well */
	key.socket = bpf_get_socket_cookie(skb);
	key.message = header.id;
	records = question_end(skb, &header, at + sizeof(header), &question);
	place = awaited(skb, key.message, folded(packet->source), question);
	key.place = place & (PLACES - 1);
	query = place < 0 ? 0 : bpf_map_lookup_elem(&pending, &key);
	if (!query || !claim(query)) {
		LOST(unmatched);
		return true;
	}
	query->ended_ns = bpf_ktime_get_ns();
	if (query->ended_ns - query->begun_ns >= settings.timeout_ns) {
		LOST(unmatched);
		give_up(query, &key);
		return true;
	}
	query->rcode = code_of(skb, &header, records, at + length);
	query->flags = header.kind & KIND_TRUNCATED ? ANSWER_TRUNCATED : 0;
	if (place & OTHERS_WAIT)
		excuse_others(skb, key.message, folded(query->server), question_of(query->type, query->question_len),
			      query->begun_ns);
	conclude(query, &key);
	return true;
}

static __always_inline bool look_at(struct __sk_buff *skb, struct packet *packet, struct owner *owner, bool outgoing,
				    __u32 at, __u32 length)
{
	return outgoing ? ask(skb, packet, owner, at, length) : answer(skb, packet, at, length);
}

/* Handles a message that cannot be parsed. If its length is certain, it is skipped. Otherwise the next segment may
 * begin a message. */
static __always_inline void stumble(struct stream *stream)
{
	LOST(unparsed);
	if (!stream->is_sure)
		stream->is_known = 0;
}

/* Returns how many bytes of the segment were already parsed. */
static __always_inline __u32 overlap(struct stream *stream, __u32 seq)
{
	__s32 behind = stream->next - seq;

	if (stream->is_known && behind >= 0)
		return behind;
	if (stream->is_known)
		LOST(unparsed); /* bytes are missing in between */
	stream->is_known = 1;
	stream->is_sure = 0;
	stream->message = 0;
	stream->skipped = 0;
	return 0;
}

/* Parses the messages in one segment. Each has a prefix of two bytes with its length. */
static __always_inline void follow(struct __sk_buff *skb, struct packet *packet, struct conversation *conversation,
				   struct stream *stream, bool outgoing)
{
	__u32 seq = packet->seq + packet->opens, seen, at, end;

	if (packet->opens && (!stream->is_sure || stream->start != seq)) {
		__builtin_memset(stream, 0, sizeof(*stream));
		stream->start = stream->next = seq;
		stream->is_sure = stream->is_known = 1;
	}
	if (!packet->length)
		return;
	seen = overlap(stream, seq);
	if (seen >= packet->length)
		return;
	stream->next = seq + packet->length;
	at = packet->payload + seen;
	end = packet->payload + packet->length;
	for (int i = 0; i < MESSAGES && at < end; i++) {
		__u32 left = end - at, length, there;
		__be16 prefix;

		if (stream->skipped) {
			there = left < stream->skipped ? left : stream->skipped;
			stream->skipped -= there;
			at += there;
			continue;
		}
		length = stream->message;
		stream->message = 0;
		if (!length) {
			if (left < PREFIX_LEN || bpf_skb_load_bytes(skb, at, &prefix, sizeof(prefix)) || !prefix) {
				stream->is_sure = 0;
				stumble(stream);
				return;
			}
			length = bpf_ntohs(prefix);
			at += PREFIX_LEN;
			if (at == end) {
				stream->message = length;
				return;
			}
			left = end - at;
		}
		there = left < length ? left : length;
		if (!look_at(skb, packet, &conversation->owner, outgoing, at, there))
			stumble(stream);
		if (!stream->is_known)
			return;
		stream->skipped = length - there;
		at += there;
	}
	if (at < end) {
		stream->is_sure = 0;
		stumble(stream);
	}
}

/* Returns whether a SYN is a retransmit. A timer sends it and interrupts any process, so the current process is not the
 * owner. */
static __always_inline bool is_sent_again(struct __sk_buff *skb)
{
	struct tcp_sock *tp = (void *)BPF_CORE_READ((struct sk_buff *)skb, sk);

	return BPF_CORE_READ(tp, total_retrans) > 0;
}

static __always_inline struct conversation *conversation_of(struct __sk_buff *skb, struct packet *packet, bool outgoing)
{
	struct bpf_sock *sk = skb->sk;
	struct conversation *conversation;

	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	conversation = bpf_sk_storage_get(&conversations, sk, 0, 0);
	if (conversation || !outgoing)
		return conversation;
	conversation = bpf_sk_storage_get(&conversations, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!conversation)
		LOST(sockets);
	else if (packet->opens && !is_sent_again(skb))
		own(&conversation->owner);
	return conversation;
}

/* Replaces the destination of an outgoing packet by the one that its program named, before address translation. */
static __always_inline void restore_target(struct bpf_sock *sk, struct packet *packet)
{
	struct asked *call = packet->transport == IPPROTO_UDP ? bpf_sk_storage_get(&asked, sk, 0, 0) : 0;
	__u16 port = call ? take_asked(call, packet->target) : 0;

	if (!port)
		port = peer_of(sk, packet->family, packet->target);
	if (port)
		packet->target_port = port;
}

static __always_inline bool is_dns(struct __sk_buff *skb, struct packet *packet, bool outgoing)
{
	struct bpf_sock *sk = skb->sk;

	if (!outgoing)
		return packet->source_port == DNS_PORT;
	sk = sk ? bpf_sk_fullsock(sk) : 0;
	if (sk)
		restore_target(sk, packet);
	return packet->target_port == DNS_PORT;
}

static __noinline int look(struct __sk_buff *skb, bool outgoing)
{
	struct conversation *conversation;
	struct packet packet = {};
	struct owner owner = {};

	if (!read_headers(skb, &packet) || !is_dns(skb, &packet, outgoing))
		return 0;
	if (packet.transport == IPPROTO_TCP) {
		if (!packet.length && !packet.opens)
			return 0;
		conversation = conversation_of(skb, &packet, outgoing);
		if (conversation && outgoing)
			follow(skb, &packet, conversation, &conversation->asked, true);
		else if (conversation)
			follow(skb, &packet, conversation, &conversation->answered, false);
		return 0;
	}
	if (skb->gso_segs > 1)
		LOST_MANY(unparsed, skb->gso_segs - 1); /* one call sent several datagrams */
	if (outgoing)
		own(&owner);
	if (!look_at(skb, &packet, &owner, outgoing, packet.payload, packet.length))
		LOST(unparsed);
	return 0;
}

/* Returns whether a call that named port 53 may be sending this packet, although the packet goes to another port. */
static __always_inline bool is_translated(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	sk = sk ? bpf_sk_fullsock(sk) : 0;
	return sk && sk->protocol == IPPROTO_UDP && bpf_sk_storage_get(&asked, sk, 0, 0);
}

static __always_inline int pass(struct __sk_buff *skb, bool outgoing)
{
	enum packet_kind kind = glance(skb, outgoing, bpf_htons(DNS_PORT));

	if (kind == PACKET_OTHER && outgoing && is_translated(skb))
		kind = PACKET_SUSPECT;

	if (kind == PACKET_EXTENDED)
		LOST(extended);
	if (kind == PACKET_SUSPECT)
		look(skb, outgoing);
	return 1;
}

SEC("cgroup_skb/egress")
int on_leaving(struct __sk_buff *skb)
{
	return pass(skb, true);
}

SEC("cgroup_skb/ingress")
int on_coming(struct __sk_buff *skb)
{
	return pass(skb, false);
}

/* Returns where to record the destination that a call names, if the socket asks a name server. */
static __always_inline struct asked *place_of(struct bpf_sock_addr *call)
{
	struct bpf_sock *sk = call->sk;

	if (!sk || (call->user_port != bpf_htons(DNS_PORT) && !is_port(sk, bpf_htons(DNS_PORT))))
		return 0;
	return bpf_sk_storage_get(&asked, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
}

SEC("cgroup/sendmsg4")
int on_call4(struct bpf_sock_addr *call)
{
	struct asked *asked = place_of(call);

	if (asked)
		note_asked4(asked, call);
	return 1;
}

SEC("cgroup/sendmsg6")
int on_call6(struct bpf_sock_addr *call)
{
	struct asked *asked = place_of(call);

	if (asked)
		note_asked6(asked, call);
	return 1;
}

/* Ends a query that has waited too long. */
static long expire_one(struct bpf_map *map, const struct pending_key *key, struct query *query, void *look)
{
	struct pending_key own = {};

	if (query->state != STATE_WAITING)
		return 0;
	if (bpf_ktime_get_ns() - query->begun_ns < settings.timeout_ns)
		return 0;
	own = *key;
	if (claim(query))
		give_up(query, &own);
	return 0;
}

SEC("iter/bpf_map")
int expire_all(struct bpf_iter__bpf_map *context)
{
	at_end(context, &pending, expire_one, 0);
	return 0;
}
