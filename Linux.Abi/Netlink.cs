namespace Linux.Abi;

/// <summary>linux/netlink.h.</summary>
internal static class Netlink
{
    public const int SOL_NETLINK = 270, NETLINK_SOCK_DIAG = 4, NETLINK_NETFILTER = 12;
    public const int NETLINK_ADD_MEMBERSHIP = 1, NETLINK_PKTINFO = 3, NETLINK_BROADCAST_ERROR = 4, NETLINK_NO_ENOBUFS = 5, NETLINK_LISTEN_ALL_NSID = 8, NETLINK_LIST_MEMBERSHIPS = 9,
        NETLINK_CAP_ACK = 10, NETLINK_EXT_ACK = 11, NETLINK_GET_STRICT_CHK = 12;
    public const ushort NLM_F_REQUEST = 1, NLM_F_ACK = 4, NLM_F_DUMP = 0x300, NLM_F_EXCL = 0x200, NLM_F_CREATE = 0x400, NLM_F_APPEND = 0x800, NLM_F_CAPPED = 0x100, NLM_F_ACK_TLVS = 0x200;
    public const ushort NLMSG_ERROR = 2, NLMSG_DONE = 3, NLMSGERR_ATTR_MSG = 1, NLA_F_NESTED = 0x8000;
}

/// <summary>struct sockaddr_nl, linux/netlink.h: who receives it, 0 for the kernel, and groups as bits.</summary>
internal struct NetlinkAddress
{
    public ushort Family, Padding;
    public uint PortId, Groups;
}

/// <summary>struct nlmsghdr, linux/netlink.h. The length, in bytes, has the header in it and is not padded; the next message begins at the next multiple of 4.</summary>
internal struct NetlinkHeader
{
    public uint Length;
    public ushort Type, Flags;
    public uint Sequence, PortId;

    public const int Size = 16;
}

/// <summary>struct nlattr, linux/netlink.h. The length, in bytes, has these 4 in it and is not padded.</summary>
internal struct NetlinkAttribute
{
    public ushort Length, Type;
}

/// <summary>struct nlmsgerr, linux/netlink.h: 0 or -errno, and the header of the message that is answered.</summary>
internal struct NetlinkError
{
    public int Error;
    public NetlinkHeader Message;
}

/// <summary>struct nfgenmsg, linux/netfilter/nfnetlink.h; the resource in network byte order.</summary>
internal struct NetfilterHeader
{
    public byte Family, Version;
    public ushort Resource;
}

/// <summary>linux/netfilter.h, linux/netfilter/nfnetlink.h.</summary>
internal static class Netfilter
{
    public const ushort NFNL_SUBSYS_NFTABLES = 10, NFNL_MSG_BATCH_BEGIN = 16, NFNL_MSG_BATCH_END = 17;
    public const int NF_DROP = 0, NF_ACCEPT = 1, NF_INET_LOCAL_IN = 1, NF_INET_LOCAL_OUT = 3;
    public const byte NFPROTO_INET = 1, NFPROTO_IPV4 = 2, NFPROTO_IPV6 = 10;
}

/// <summary>linux/netfilter/nf_tables.h.</summary>
internal static class NfTables
{
    public const ushort NFT_MSG_NEWTABLE = 0, NFT_MSG_GETTABLE = 1, NFT_MSG_DELTABLE = 2, NFT_MSG_NEWCHAIN = 3, NFT_MSG_NEWRULE = 6, NFT_MSG_NEWSET = 9,
        NFT_MSG_NEWSETELEM = 12, NFT_MSG_DELSETELEM = 14;
    public const int NFT_TABLE_MAXNAMELEN = 256, NFT_TABLE_F_OWNER = 2, NFT_SET_TIMEOUT = 0x10;
    public const int NFT_REG_VERDICT = 0, NFT_REG32_00 = 8, NFT_CMP_EQ = 0;
    public const int NFT_PAYLOAD_NETWORK_HEADER = 1, NFT_PAYLOAD_TRANSPORT_HEADER = 2;
    public const int NFT_META_MARK = 3, NFT_META_NFPROTO = 15, NFT_META_L4PROTO = 16;

    public const ushort NFTA_LIST_ELEM = 1;
    public const ushort NFTA_TABLE_NAME = 1, NFTA_TABLE_FLAGS = 2, NFTA_TABLE_USERDATA = 6, NFTA_TABLE_OWNER = 7;
    public const ushort NFTA_HOOK_HOOKNUM = 1, NFTA_HOOK_PRIORITY = 2;
    public const ushort NFTA_CHAIN_TABLE = 1, NFTA_CHAIN_NAME = 3, NFTA_CHAIN_HOOK = 4, NFTA_CHAIN_POLICY = 5, NFTA_CHAIN_TYPE = 7;
    public const ushort NFTA_RULE_TABLE = 1, NFTA_RULE_CHAIN = 2, NFTA_RULE_EXPRESSIONS = 4;
    public const ushort NFTA_SET_TABLE = 1, NFTA_SET_NAME = 2, NFTA_SET_FLAGS = 3, NFTA_SET_KEY_TYPE = 4, NFTA_SET_KEY_LEN = 5, NFTA_SET_ID = 10, NFTA_SET_TIMEOUT = 11;
    public const ushort NFTA_SET_ELEM_KEY = 1, NFTA_SET_ELEM_LIST_TABLE = 1, NFTA_SET_ELEM_LIST_SET = 2, NFTA_SET_ELEM_LIST_ELEMENTS = 3;
    public const ushort NFTA_DATA_VALUE = 1, NFTA_DATA_VERDICT = 2, NFTA_VERDICT_CODE = 1, NFTA_EXPR_NAME = 1, NFTA_EXPR_DATA = 2;
    public const ushort NFTA_IMMEDIATE_DREG = 1, NFTA_IMMEDIATE_DATA = 2, NFTA_CMP_SREG = 1, NFTA_CMP_OP = 2, NFTA_CMP_DATA = 3;
    public const ushort NFTA_LOOKUP_SET = 1, NFTA_LOOKUP_SREG = 2, NFTA_META_DREG = 1, NFTA_META_KEY = 2;
    public const ushort NFTA_PAYLOAD_DREG = 1, NFTA_PAYLOAD_BASE = 2, NFTA_PAYLOAD_OFFSET = 3, NFTA_PAYLOAD_LEN = 4;
}
