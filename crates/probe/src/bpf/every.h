/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Iteration over all elements of a map. The kernel's own iterator over map elements gives programs memory that they may
 * write, and hardened kernels refuse it. So a program walks the map itself, when user space reads the iterator over all
 * maps to its end. */
#ifndef MESHTAX_EVERY_H
#define MESHTAX_EVERY_H

#include "kernel.h"

#include <bpf/bpf_helpers.h>

/* Calls `visit(map, key, value, look)` for each element, until it returns 1. */
static __always_inline void at_end(struct bpf_iter__bpf_map *context, void *map, void *visit, void *look)
{
	if (!context->map)
		bpf_for_each_map_elem(map, visit, look, 0);
}

#endif
