using Linux.Abi;

namespace Criu.Soccr;

/// <summary>What a refusal of nf_tables means, and what to do about it.</summary>
internal static class NfTablesErrors
{
    private const string NoKernel = "This kernel lacks nf_tables, or a part of it: CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET and their modules are needed. "
        + "Without them, hold the traffic by SocketFilterLock, or by a network namespace or a load balancer of your own and NoLock";

    private const string NoPrivilege = "CAP_NET_ADMIN is needed, in the user namespace that owns this network namespace";

    /// <summary>The table could not be made.</summary>
    public static SoccrException OfCreation(NfTablesRefusal refusal, string table, bool isOwned) => Error(refusal, $"table inet {table}", refusal.ErrorNumber switch
    {
        Errno.EEXIST => "A lock of this name is there already: open it, or remove it first",
        Errno.EINVAL or Errno.EOPNOTSUPP when isOwned && refusal.Step.Contains("OWNER", StringComparison.Ordinal) => "A table with an owner needs Linux 5.12. Before, use a persistent lock",
        Errno.ENOENT or Errno.EOPNOTSUPP or Errno.EPROTONOSUPPORT or Errno.EAFNOSUPPORT => NoKernel,
        var other => Common(other),
    });

    /// <summary>Something could not be done with a table that was there.</summary>
    public static SoccrException OfElements(NfTablesRefusal refusal, string table, string subject) => Error(refusal, $"{subject} in table inet {table}", refusal.ErrorNumber switch
    {
        Errno.ENOENT => "There is no such table: it was never made in this network namespace, or somebody removed it, and nothing is held",
        Errno.EOPNOTSUPP => NoKernel,
        var other => Common(other),
    });

    private static string? Common(int error) => error switch
    {
        Errno.EPERM => NoPrivilege,
        Errno.ENOMEM or Errno.ENOBUFS => "The kernel has too little memory: try again, or with fewer connections at a time",
        Errno.EMSGSIZE => "Fewer connections at a time are needed, or a larger /proc/sys/net/core/wmem_max",
        _ => null,
    };

    private static SoccrException Error(NfTablesRefusal refusal, string subject, string? cure)
    {
        string? words = refusal.Text == null ? null : $"The kernel says: {refusal.Text}";
        return new SoccrException(refusal.Step, subject, refusal.ErrorNumber, words == null || cure == null ? words ?? cure : $"{words}. {cure}");
    }
}
