/* SPDX-License-Identifier: Apache-2.0 */
/* core_internal.h - what a worker offers to core's own sockets. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct worker;

#define WORKER_READ_BUFFER_BYTES 65536u

/** Read the clock anew and make that the time of the turn. */
uint64_t worker_refresh_now_us(struct worker *w);
/** A buffer of WORKER_READ_BUFFER_BYTES for the bytes of one read, good until its callback returns. */
uint8_t *worker_read_buffer(struct worker *w);
