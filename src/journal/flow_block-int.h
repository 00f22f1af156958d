/* Shared by the writer and the reader of a block of flows. */
#ifndef LUY_JOURNAL_FLOW_BLOCK_INT_H
#define LUY_JOURNAL_FLOW_BLOCK_INT_H
#include "journal/flow_block.h"

uint64_t flow_address_hash(const uint8_t *key, unsigned width); /* width 4 (a number as it lies) or 16 */
void flow_bloom_bits(uint64_t hash, uint64_t bits, uint64_t out[4]);
#endif
