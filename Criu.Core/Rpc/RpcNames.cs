using Criu.Core.Rpc.Proto;

namespace Criu.Core.Rpc;

/// <summary>Values of enumerations in the words of the command line. A number without a name stays one, and is refused there.</summary>
internal static class RpcNames
{
    public static string Of(CriuNetworkLockMethod method) => method switch
    {
        CriuNetworkLockMethod.Iptables => "iptables",
        CriuNetworkLockMethod.Nftables => "nftables",
        CriuNetworkLockMethod.Skip => "skip",
        _ => $"{(int)method}",
    };

    public static CriuNetworkLockMethod Of(NetworkLockMethod method) => method switch
    {
        NetworkLockMethod.Iptables => CriuNetworkLockMethod.Iptables,
        NetworkLockMethod.Nftables => CriuNetworkLockMethod.Nftables,
        NetworkLockMethod.Skip => CriuNetworkLockMethod.Skip,
        _ => throw new ArgumentOutOfRangeException(nameof(method), method, null),
    };

    public static string Of(CriuCgMode mode) => mode switch
    {
        CriuCgMode.Ignore => "ignore",
        CriuCgMode.CgNone => "none",
        CriuCgMode.Props => "props",
        CriuCgMode.Soft => "soft",
        CriuCgMode.Full => "full",
        CriuCgMode.Strict => "strict",
        CriuCgMode.Default => "soft",
        _ => $"{(int)mode}",
    };

    public static string Of(CriuPreDumpMode mode) => mode switch
    {
        CriuPreDumpMode.Splice => "splice",
        CriuPreDumpMode.VmRead => "read",
        _ => $"{(int)mode}",
    };
}
