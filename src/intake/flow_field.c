/* The table of flow_field.h, sorted by enterprise and number. Any thread. */
#include "intake/flow_field.h"

enum { REVERSE = 29305 }; /* RFC 5103: the same field of the way back */

/* clang-format off */
static const struct flow_field fields[] = {
    {0, 1,   FR_UINT, FC_bytes, 0, 1, 8},          /* octetDeltaCount */
    {0, 2,   FR_UINT, FC_packets, 0, 1, 8},        /* packetDeltaCount */
    {0, 4,   FR_UINT, FC_proto, 0, 1, 1},          /* protocolIdentifier */
    {0, 5,   FR_UINT, FC_tos, 0, 1, 1},            /* ipClassOfService */
    {0, 6,   FR_UINT, FC_tcp_flags, 0, 1, 2},      /* tcpControlBits */
    {0, 7,   FR_UINT, FC_src_port, 0, 1, 2},       /* sourceTransportPort */
    {0, 8,   FR_IP4, FC_src, 0, 4, 4},             /* sourceIPv4Address */
    {0, 9,   FR_UINT, FC_src_mask, 0, 1, 1},       /* sourceIPv4PrefixLength */
    {0, 10,  FR_UINT, FC_in_if, 0, 1, 4},          /* ingressInterface */
    {0, 11,  FR_UINT, FC_dst_port, 0, 1, 2},       /* destinationTransportPort */
    {0, 12,  FR_IP4, FC_dst, 0, 4, 4},             /* destinationIPv4Address */
    {0, 13,  FR_UINT, FC_dst_mask, 0, 1, 1},       /* destinationIPv4PrefixLength */
    {0, 14,  FR_UINT, FC_out_if, 0, 1, 4},         /* egressInterface */
    {0, 15,  FR_IP4, FC_next_hop, 0, 4, 4},        /* ipNextHopIPv4Address */
    {0, 16,  FR_UINT, FC_src_as, 0, 1, 4},         /* bgpSourceAsNumber */
    {0, 17,  FR_UINT, FC_dst_as, 0, 1, 4},         /* bgpDestinationAsNumber */
    {0, 18,  FR_IP4, FC_next_hop, 1, 4, 4},        /* bgpNextHopIPv4Address */
    {0, 21,  FR_UPTIME, FC_end, 2, 4, 4},          /* flowEndSysUpTime */
    {0, 22,  FR_UPTIME, FC_start, 2, 4, 4},        /* flowStartSysUpTime */
    {0, 23,  FR_UINT, FC_bytes, 3, 1, 8},          /* postOctetDeltaCount */
    {0, 24,  FR_UINT, FC_packets, 3, 1, 8},        /* postPacketDeltaCount */
    {0, 27,  FR_IP6, FC_src, 0, 16, 16},           /* sourceIPv6Address */
    {0, 28,  FR_IP6, FC_dst, 0, 16, 16},           /* destinationIPv6Address */
    {0, 29,  FR_UINT, FC_src_mask, 1, 1, 1},       /* sourceIPv6PrefixLength */
    {0, 30,  FR_UINT, FC_dst_mask, 1, 1, 1},       /* destinationIPv6PrefixLength */
    {0, 32,  FR_UINT, FC_icmp, 0, 1, 2},           /* icmpTypeCodeIPv4 */
    {0, 34,  FR_RATE, FC_sampling, 1, 1, 4},       /* samplingInterval */
    {0, 48,  FR_SAMPLER, FC_NONE, 0, 1, 8},        /* samplerId */
    {0, 50,  FR_RATE, FC_sampling, 0, 1, 4},       /* samplerRandomInterval */
    {0, 56,  FR_MAC, FC_src_mac, 0, 6, 6},         /* sourceMacAddress */
    {0, 57,  FR_MAC, FC_dst_mac, 1, 6, 6},         /* postDestinationMacAddress */
    {0, 58,  FR_UINT, FC_src_vlan, 0, 1, 2},       /* vlanId */
    {0, 59,  FR_UINT, FC_dst_vlan, 0, 1, 2},       /* postVlanId */
    {0, 61,  FR_UINT, FC_direction, 0, 1, 1},      /* flowDirection */
    {0, 62,  FR_IP6, FC_next_hop, 0, 16, 16},      /* ipNextHopIPv6Address */
    {0, 63,  FR_IP6, FC_next_hop, 1, 16, 16},      /* bgpNextHopIPv6Address */
    {0, 70,  FR_LABEL, FC_mpls_label, 0, 3, 3},    /* mplsTopLabelStackSection */
    {0, 80,  FR_MAC, FC_dst_mac, 0, 6, 6},         /* destinationMacAddress */
    {0, 81,  FR_MAC, FC_src_mac, 1, 6, 6},         /* postSourceMacAddress */
    {0, 85,  FR_UINT, FC_bytes, 1, 1, 8},          /* octetTotalCount */
    {0, 86,  FR_UINT, FC_packets, 1, 1, 8},        /* packetTotalCount */
    {0, 89,  FR_UINT, FC_forwarding, 0, 1, 4},     /* forwardingStatus */
    {0, 95,  FR_UINT, FC_app, 0, 1, 4},            /* applicationId */
    {0, 136, FR_UINT, FC_end_reason, 0, 1, 1},     /* flowEndReason */
    {0, 139, FR_UINT, FC_icmp, 1, 1, 2},           /* icmpTypeCodeIPv6 */
    {0, 150, FR_SEC, FC_start, 3, 4, 4},           /* flowStartSeconds */
    {0, 151, FR_SEC, FC_end, 3, 4, 4},             /* flowEndSeconds */
    {0, 152, FR_MS, FC_start, 1, 8, 8},            /* flowStartMilliseconds */
    {0, 153, FR_MS, FC_end, 1, 8, 8},              /* flowEndMilliseconds */
    {0, 154, FR_NTP, FC_start, 0, 8, 8},           /* flowStartMicroseconds */
    {0, 155, FR_NTP, FC_end, 0, 8, 8},             /* flowEndMicroseconds */
    {0, 156, FR_NTP, FC_start, 0, 8, 8},           /* flowStartNanoseconds */
    {0, 157, FR_NTP, FC_end, 0, 8, 8},             /* flowEndNanoseconds */
    {0, 158, FR_DELTA_US, FC_start, 1, 4, 4},      /* flowStartDeltaMicroseconds */
    {0, 159, FR_DELTA_US, FC_end, 1, 4, 4},        /* flowEndDeltaMicroseconds */
    {0, 160, FR_BOOT_MS, FC_NONE, 0, 8, 8},        /* systemInitTimeMilliseconds */
    {0, 161, FR_LENGTH_MS, FC_NONE, 1, 1, 4},      /* flowDurationMilliseconds */
    {0, 162, FR_LENGTH_US, FC_NONE, 0, 1, 4},      /* flowDurationMicroseconds */
    {0, 176, FR_TYPE8, FC_icmp, 2, 1, 1},          /* icmpTypeIPv4 */
    {0, 177, FR_CODE8, FC_icmp, 2, 1, 1},          /* icmpCodeIPv4 */
    {0, 178, FR_TYPE8, FC_icmp, 2, 1, 1},          /* icmpTypeIPv6 */
    {0, 179, FR_CODE8, FC_icmp, 2, 1, 1},          /* icmpCodeIPv6 */
    {0, 180, FR_UINT, FC_src_port, 1, 1, 2},       /* udpSourcePort */
    {0, 181, FR_UINT, FC_dst_port, 1, 1, 2},       /* udpDestinationPort */
    {0, 182, FR_UINT, FC_src_port, 1, 1, 2},       /* tcpSourcePort */
    {0, 183, FR_UINT, FC_dst_port, 1, 1, 2},       /* tcpDestinationPort */
    {0, 225, FR_IP4, FC_nat_src, 0, 4, 4},         /* postNATSourceIPv4Address */
    {0, 226, FR_IP4, FC_nat_dst, 0, 4, 4},         /* postNATDestinationIPv4Address */
    {0, 227, FR_UINT, FC_nat_src_port, 0, 1, 2},   /* postNAPTSourceTransportPort */
    {0, 228, FR_UINT, FC_nat_dst_port, 0, 1, 2},   /* postNAPTDestinationTransportPort */
    {0, 230, FR_UINT, FC_event, 1, 1, 1},          /* natEvent */
    {0, 231, FR_UINT, FC_bytes, 2, 1, 8},          /* initiatorOctets */
    {0, 232, FR_UINT, FC_bytes_back, 0, 1, 8},     /* responderOctets */
    {0, 233, FR_UINT, FC_event, 0, 1, 1},          /* firewallEvent */
    {0, 234, FR_UINT, FC_in_vrf, 0, 1, 4},         /* ingressVRFID */
    {0, 235, FR_UINT, FC_out_vrf, 0, 1, 4},        /* egressVRFID */
    {0, 243, FR_UINT, FC_src_vlan, 1, 1, 2},       /* dot1qVlanId */
    {0, 252, FR_UINT, FC_in_if, 1, 1, 4},          /* ingressPhysicalInterface */
    {0, 253, FR_UINT, FC_out_if, 1, 1, 4},         /* egressPhysicalInterface */
    {0, 254, FR_UINT, FC_dst_vlan, 1, 1, 2},       /* postDot1qVlanId */
    {0, 281, FR_IP6, FC_nat_src, 0, 16, 16},       /* postNATSourceIPv6Address */
    {0, 282, FR_IP6, FC_nat_dst, 0, 16, 16},       /* postNATDestinationIPv6Address */
    {0, 298, FR_UINT, FC_packets, 2, 1, 8},        /* initiatorPackets */
    {0, 299, FR_UINT, FC_packets_back, 0, 1, 8},   /* responderPackets */
    {0, 302, FR_SAMPLER, FC_NONE, 1, 1, 8},        /* selectorId */
    {0, 305, FR_RATE, FC_sampling, 2, 1, 4},       /* samplingPacketInterval */
    {0, 306, FR_SPACE, FC_NONE, 0, 1, 4},          /* samplingPacketSpace */
    {0, 309, FR_TAKEN, FC_NONE, 0, 1, 4},          /* samplingSize */
    {0, 310, FR_POPULATION, FC_NONE, 0, 1, 4},     /* samplingPopulation */
    {0, 322, FR_SEC, FC_end, 5, 4, 4},             /* observationTimeSeconds */
    {0, 323, FR_MS, FC_end, 4, 8, 8},              /* observationTimeMilliseconds */
    {0, 352, FR_UINT, FC_bytes, 4, 1, 8},          /* layer2OctetDeltaCount */
    {0, 40001, FR_IP4, FC_nat_src, 1, 4, 4},       /* Cisco ASA, v9: translated source, .. */
    {0, 40002, FR_IP4, FC_nat_dst, 1, 4, 4},
    {0, 40003, FR_UINT, FC_nat_src_port, 1, 2, 2},
    {0, 40004, FR_UINT, FC_nat_dst_port, 1, 2, 2},
    {0, 40005, FR_UINT, FC_event, 2, 1, 1},
    {REVERSE, 1,  FR_UINT, FC_bytes_back, 1, 1, 8},
    {REVERSE, 2,  FR_UINT, FC_packets_back, 1, 1, 8},
    {REVERSE, 85, FR_UINT, FC_bytes_back, 2, 1, 8},
    {REVERSE, 86, FR_UINT, FC_packets_back, 2, 1, 8},
};
/* clang-format on */

const struct flow_field *flow_field_find(uint32_t pen, uint16_t id)
{
    size_t lo = 0, hi = sizeof(fields) / sizeof(fields[0]);

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        const struct flow_field *f = &fields[mid];
        if (f->pen == pen && f->id == id)
            return f;
        if (f->pen < pen || (f->pen == pen && f->id < id))
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}
