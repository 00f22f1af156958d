/* Which field of NetFlow v9 and IPFIX becomes which column: data, so that a
 * field more is a row more (docs/recipes/add-a-flow-field.md). Numbers are
 * IANA's "IPFIX Information Elements", which v9 shares up to 127 and beyond;
 * 40001.. are Cisco ASA's in v9. pen: 0, or the enterprise (RFC 7011, 3.2). */
#ifndef LUY_INTAKE_FLOW_FIELD_H
#define LUY_INTAKE_FLOW_FIELD_H
#include "intake/flow.h"

enum flow_read {
    FR_UINT, /* big-endian, possibly shorter than its type (RFC 7011, 6.2) */
    FR_IP4,
    FR_IP6,
    FR_MAC,
    FR_LABEL,     /* MPLS: 20 bits of 24 */
    FR_SEC,       /* since 1970 */
    FR_MS,        /* since 1970 */
    FR_NTP,       /* 32 bits of seconds since 1900, 32 of fraction (RFC 7011, 6.1.9) */
    FR_UPTIME,    /* ms since the exporter began */
    FR_DELTA_US,  /* us before the export */
    FR_LENGTH_MS, /* of the flow: gives what is missing, start or end */
    FR_LENGTH_US,
    FR_TYPE8,   /* ICMP type: the upper byte */
    FR_CODE8,   /* ICMP code: the lower one */
    FR_SAMPLER, /* number of the sampler that chose the packets */
    FR_RATE,    /* one of so many */
    FR_SPACE,   /* so many left out between two choices */
    FR_TAKEN,   /* so many taken out of... */
    FR_POPULATION,
    FR_BOOT_MS, /* when the exporter began, ms since 1970 */
};
struct flow_field {
    uint32_t pen;
    uint16_t id;
    uint8_t read, col, rank, min,
        max; /* rank: of two for one column the lower wins; min..max: lengths that make sense */
};
const struct flow_field *flow_field_find(uint32_t pen, uint16_t id); /* NULL: unknown, skipped by its length */
#endif
