using Criu.Core.Rpc.Proto;

namespace Criu.Core.Rpc;

/// <summary>Requests that need nobody's rights and touch no process: a service answers them itself.</summary>
internal static class RpcQuestions
{
    // The version of CRIU whose images, options and RPC these are.
    private const int MajorVersion = 4, MinorVersion = 2;

    /// <summary>Whether <see cref="Answer"/> knows the answer.</summary>
    public static bool Is(CriuReqType type) => type is CriuReqType.Version or CriuReqType.FeatureCheck;

    public static CriuResp Answer(CriuReq request) => request.Type == CriuReqType.Version
        ? new CriuResp { Type = request.Type, Success = true, Version = new CriuVersion { MajorNumber = MajorVersion, MinorNumber = MinorVersion } }
        : new CriuResp { Type = request.Type, Success = true, Features = Probe(request.Features) };

    /// <summary>Those that were asked for, by the names that the kernel's features have in the catalogue.</summary>
    private static CriuFeatures Probe(CriuFeatures? asked)
    {
        if (asked == null)
            throw RpcErrors.BadOption("FEATURE_CHECK names no features", "Set features");
        var found = new CriuFeatures();
        if (asked.HasMemTrack)
            found.MemTrack = Works("mem_dirty_track");
        if (asked.HasLazyPages)
            found.LazyPages = Works("uffd-noncoop");
        if (asked.HasPidfdStore)
            found.PidfdStore = Works("pidfd_store");
        return found;
    }

    private static bool Works(string feature) => KernelFeatures.Find(feature) is { } known && known.Probe().Works;
}
