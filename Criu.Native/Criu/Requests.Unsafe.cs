using Linux.Abi;

namespace Criu.Native;

/// <summary>What the functions of libcriu ask for. Each answers as described in criu/criu.h.</summary>
internal static unsafe class Requests
{
    public static int Check(CriuOptions* options) => AskOnce(options, RequestType.Check, withOptions: false, isApart: false, out _);

    public static int Dump(CriuOptions* options)
    {
        // No process named: this one.
        bool isSelf = options != null && !options->Fields.Contains(OptionField.Pid);
        int result = AskOnce(options, RequestType.Dump, withOptions: true, isSelf, out var answer);
        return result != 0 ? result : answer.WasRestored ? 1 : 0;
    }

    public static int PreDump(CriuOptions* options) => AskOnce(options, RequestType.SinglePreDump, withOptions: true, isApart: false, out _);

    public static int Restore(CriuOptions* options)
    {
        int result = AskOnce(options, RequestType.Restore, withOptions: true, isApart: false, out var answer);
        return result != 0 ? result : answer.RestoredPid;
    }

    /// <summary>Only a server that is a child of ours can make a sibling of its own: the program is started, whatever the options say of a service.</summary>
    public static int RestoreChild(CriuOptions* options)
    {
        if (options == null)
            return -Errno.EINVAL;
        int result = Swrk.Start(options->Service == ServiceKind.Binary ? options->ServiceName : null, isApart: false, out var connection);
        if (result != 0)
            return result;
        result = Ask(options, connection, RequestType.Restore, withOptions: true, out var answer, isSibling: true);
        connection.Close();
        return result != 0 ? result : answer.RestoredPid;
    }

    /// <summary>Pre-dumps as long as the caller wants more, and a dump at the end, all over one connection.</summary>
    public static int DumpIterations(CriuOptions* options, delegate* unmanaged<void*, int> more)
    {
        if (options == null || more == null || !options->Fields.Contains(OptionField.Pid))
            return -Errno.EINVAL;
        int result = Connection.Open(options, isApart: false, out var connection);
        if (result != 0)
            return result;
        int goesOn;
        do
        {
            result = Ask(options, connection, RequestType.PreDump, withOptions: true, out _);
            goesOn = result == 0 ? more(null) : 0;
        }
        while (goesOn > 0);
        if (result == 0)
            result = goesOn < 0 ? goesOn : Ask(options, connection, RequestType.Dump, withOptions: true, out _);
        connection.Close();
        return result;
    }

    public static int Version(CriuOptions* options)
    {
        int result = AskOnce(options, RequestType.Version, withOptions: true, isApart: false, out var answer);
        if (result != 0)
            return result;
        if (!answer.HasVersion)
            return Connection.Fail(-Errno.EBADMSG, Errno.EBADMSG);
        // What was built between two releases counts as the next one.
        return answer.HasGitId ? Number(answer.Major, answer.Minor + 1, 0) : Number(answer.Major, answer.Minor, answer.Sublevel);
    }

    private static int Number(int major, int minor, int sublevel) => major * 10000 + minor * 100 + sublevel;

    public static int CheckVersion(CriuOptions* options, int minimum)
    {
        int version = Version(options);
        return version < 0 ? version : version >= minimum ? 1 : 0;
    }

    /// <summary>A caller of an older header has a smaller structure, and gets that much.</summary>
    public static int CheckFeatures(CriuOptions* options, CriuFeatures* features, nuint size)
    {
        const int NoSuchStructure = -1;
        if (features == null || size > (nuint)sizeof(CriuFeatures))
            return NoSuchStructure;
        CriuFeatures asked = default;
        new ReadOnlySpan<byte>(features, (int)size).CopyTo(new Span<byte>(&asked, sizeof(CriuFeatures)));
        int result = AskOnce(options, RequestType.FeatureCheck, withOptions: true, isApart: false, out var answer, &asked);
        if (result == 0)
            new ReadOnlySpan<byte>(&answer.Features, (int)size).CopyTo(new Span<byte>(features, (int)size));
        return result;
    }

    private static int AskOnce(CriuOptions* options, int type, bool withOptions, bool isApart, out Answer answer, CriuFeatures* features = null)
    {
        answer = default;
        if (options == null)
            return -Errno.EINVAL;
        int result = Connection.Open(options, isApart, out var connection);
        if (result != 0)
            return result;
        result = Ask(options, connection, type, withOptions, out answer, features: features);
        connection.Close();
        return result;
    }

    private static int Ask(CriuOptions* options, Connection connection, int type, bool withOptions, out Answer answer, bool isSibling = false, CriuFeatures* features = null)
    {
        answer = default;
        WireBuffer request = default;
        bool isMade = request.TryAdd(RequestField.Type, type) && (!withOptions || TryAddOptions(ref request, options, isSibling))
            && (features == null || TryAddFeatures(ref request, features));
        int result = isMade ? new Exchange(options, connection).Ask(type, request.Bytes, out answer) : Connection.Fail(-Errno.ENOMEM, Errno.ENOMEM);
        request.Free();
        return result;
    }

    private static bool TryAddOptions(ref WireBuffer request, CriuOptions* options, bool isSibling)
    {
        if (!isSibling)
            return request.TryAdd(RequestField.Options, options->Fields.Bytes);
        WireBuffer fields = default;
        bool isMade = fields.TryAppend(options->Fields.Bytes) && fields.TryAdd(OptionField.RstSibling, 1) && request.TryAdd(RequestField.Options, fields.Bytes);
        fields.Free();
        return isMade;
    }

    private static bool TryAddFeatures(ref WireBuffer request, CriuFeatures* features)
    {
        WireBuffer asked = default;
        bool isMade = true;
        for (int field = 1; field <= CriuFeatures.Count; field++)
            isMade &= !(*features)[field] || asked.TryAdd(field, 1);
        isMade = isMade && request.TryAdd(RequestField.Features, asked.Bytes);
        asked.Free();
        return isMade;
    }
}
