/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parsing of DNS messages in packets. */
#ifndef MESHTAX_MESSAGE_H
#define MESHTAX_MESSAGE_H

#include "pending.h"

enum { LABEL_LEN_MAX = 63, LABELS_MAX = 128, NAME_LEN_MAX = 255 };

/* Header of a message (RFC 1035, 4.1.1). */
struct header {
	__be16 id;
	__u8 kind; /* answer or query, operation code, truncation */
	__u8 code;
	__be16 questions;
	__be16 answers;
	__be16 authorities;
	__be16 additionals;
};

enum { KIND_ANSWER = 0x80, KIND_OPERATION = 0x78, KIND_TRUNCATED = 0x02, CODE_RCODE = 0x0f };

/* Lengths and values from RFC 1035, 4.1.3 and 4.1.4, and RFC 6891, 6.1.2. */
enum { QUESTION_LEN = 4, RECORD_LEN = 10, POINTER_LEN = 2, POINTER = 0xc0, TYPE_OPT = 41 };

/* Maximum number of labels and records that are skipped on the way to the EDNS record. */
#define STEPS_MAX 256

/* Returns the offset after the name at `at`; 0 if there is no valid name. The function is not static, so that the
 * verifier checks it only once. */
__noinline __u32 name_end(struct __sk_buff *skb, __u32 at)
{
	__u32 start = at;
	__u8 length;

	for (int i = 0; i < LABELS_MAX; i++) {
		if (bpf_skb_load_bytes(skb, at, &length, 1))
			return 0;
		at += 1;
		if (!length)
			return at;
		if (length > LABEL_LEN_MAX)
			return 0;
		at += length;
		if (at - start >= NAME_LEN_MAX)
			return 0;
	}
	return 0;
}

/* The part of a resource record after its name. */
struct record {
	__be16 type;
	__be16 class;
	__u8 upper; /* in an EDNS record: the upper bits of the code */
	__u8 rest[3];
	__be16 length;
};
_Static_assert(sizeof(struct record) == RECORD_LEN, "struct record lies as in a message");

/* Returns the upper bits of an answer's code, which only the EDNS record has. That record is one of the `records`
 * between `at` and `end`. Returns 0 if there is none, and -1 if it cannot be reached. The function is not static, so
 * that the verifier checks it only once. */
__noinline int upper_bits(struct __sk_buff *skb, __u32 at, __u32 end, __u32 records)
{
	struct record record;
	__u8 length;

	for (int i = 0; i < STEPS_MAX && records; i++) {
		if (at >= end || bpf_skb_load_bytes(skb, at, &length, 1))
			return -1;
		if (length && length <= LABEL_LEN_MAX) {
			at += 1 + length;
			continue;
		}
		if (length && length < POINTER)
			return -1;
		at += length ? POINTER_LEN : 1;
		if (at + RECORD_LEN > end || bpf_skb_load_bytes(skb, at, &record, sizeof(record)))
			return -1;
		if (record.type == bpf_htons(TYPE_OPT))
			return record.upper;
		at += RECORD_LEN + bpf_ntohs(record.length);
		records--;
	}
	return records ? -1 : 0;
}

/* Returns the code of an answer. Its `records` lie between `at`, the end of the question, and `end`. */
static __always_inline __u16 code_of(struct __sk_buff *skb, const struct header *header, __u32 at, __u32 end)
{
	__u32 records = bpf_ntohs(header->answers) + bpf_ntohs(header->authorities) + bpf_ntohs(header->additionals);
	int upper;

	if (!header->additionals)
		return header->code & CODE_RCODE;
	if (!at)
		return RCODE_UNKNOWN;
	upper = upper_bits(skb, at, end, records);
	return upper < 0 ? RCODE_UNKNOWN : upper << 4 | (header->code & CODE_RCODE);
}

/* Returns the offset after an answer's question, whose name begins at `name`; 0 if it cannot be parsed. */
static __always_inline __u32 question_end(struct __sk_buff *skb, const struct header *header, __u32 name,
					  __u32 *question)
{
	__u32 end;
	__be16 type;

	if (!header->questions)
		return name;
	end = header->questions == bpf_htons(1) ? name_end(skb, name) : 0;
	if (!end || bpf_skb_load_bytes(skb, end, &type, sizeof(type)))
		return 0;
	*question = question_of(bpf_ntohs(type), end - name);
	return end + QUESTION_LEN;
}

#endif
