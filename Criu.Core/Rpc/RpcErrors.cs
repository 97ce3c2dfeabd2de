using Criu.Core.Rpc.Proto;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Rpc;

/// <summary>The numbers that go with errors in an answer. Clients tell by them what to try next.</summary>
internal static class RpcErrors
{
    /// <summary>Options that cannot be taken.</summary>
    public static CheckpointException BadOption(string message, string? advice = null) => new(message, advice) { ErrorNumber = Errno.EBADRQC };

    /// <summary>A request that cannot be served here at all.</summary>
    public static CheckpointException Unsupported(string message, string? advice = null) => new(message, advice) { ErrorNumber = Errno.EOPNOTSUPP };

    /// <summary>The answer of a request that failed.</summary>
    public static CriuResp Failure(CriuReqType type, string message, int number)
    {
        var response = new CriuResp { Type = type, Success = false, CrErrmsg = message };
        if (number > 0)
            response.CrErrno = number;
        return response;
    }

    /// <summary>The number of a failure; 0 where none says more than the message.</summary>
    public static int NumberOf(Exception? exception)
    {
        for (; exception != null; exception = exception.InnerException)
            if (exception is CheckpointException { ErrorNumber: > 0 } told)
                return told.ErrorNumber;
            else if (exception is BatchException call && (Nr)call.Call == Nr.clone3)
                return call.ErrorNumber;
        return 0;
    }

    /// <summary>A type of request in the words of rpc.proto.</summary>
    public static string NameOf(CriuReqType type) => type switch
    {
        CriuReqType.Empty => "EMPTY",
        CriuReqType.Dump => "DUMP",
        CriuReqType.Restore => "RESTORE",
        CriuReqType.Check => "CHECK",
        CriuReqType.PreDump => "PRE_DUMP",
        CriuReqType.PageServer => "PAGE_SERVER",
        CriuReqType.Notify => "NOTIFY",
        CriuReqType.CpuinfoDump => "CPUINFO_DUMP",
        CriuReqType.CpuinfoCheck => "CPUINFO_CHECK",
        CriuReqType.FeatureCheck => "FEATURE_CHECK",
        CriuReqType.Version => "VERSION",
        CriuReqType.WaitPid => "WAIT_PID",
        CriuReqType.PageServerChld => "PAGE_SERVER_CHLD",
        CriuReqType.SinglePreDump => "SINGLE_PRE_DUMP",
        _ => $"number {(int)type}",
    };
}
