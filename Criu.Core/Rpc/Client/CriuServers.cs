using System.Globalization;
using Criu.Core.Programs;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Rpc;

/// <summary>Where a client finds a criu: one connection for each request.</summary>
internal abstract class CriuServers : IDisposable
{
    /// <param name="options">What must be inherited.</param>
    /// <param name="isOwnDump">The caller dumps itself: a criu that is its child would be part of what is dumped.</param>
    public abstract ClientConnection Open(RequestOptions? options, bool isOwnDump);

    public virtual void Dispose()
    {
    }

    protected static void RefuseInherited(RequestOptions? options, string where)
    {
        if (options is { Inherited.Count: > 0 })
            throw new CheckpointException($"InheritFds names descriptor {options.Inherited[0]} of this process, which {where} has not", "Use CriuClient.OfProgram, whose criu inherits it");
    }
}

/// <summary>A service that listens.</summary>
internal sealed class ServiceServers(string address) : CriuServers
{
    public override ClientConnection Open(RequestOptions? options, bool isOwnDump)
    {
        RefuseInherited(options, "a service");
        return new ClientConnection(ClientSocket.Connect(address), child: 0);
    }
}

/// <summary>A criu at the other end of a socket that somebody else connected: it serves one request.</summary>
internal sealed class SocketServers(SafeFileHandle socket) : CriuServers
{
    private SafeFileHandle? left = socket;

    public override ClientConnection Open(RequestOptions? options, bool isOwnDump)
    {
        RefuseInherited(options, "the criu of a given socket");
        var taken = Interlocked.Exchange(ref left, null) ?? throw new CheckpointException("The socket of this client has served its one request", "Make another client");
        return new ClientConnection(new ClientSocket(taken), child: 0);
    }

    public override void Dispose() => left?.Dispose();
}

/// <summary>Starts <c>criu swrk</c> for each request.</summary>
internal sealed class ProgramServers(IReadOnlyList<string> command) : CriuServers
{
    public override ClientConnection Open(RequestOptions? options, bool isOwnDump)
    {
        var (ours, theirs) = ClientSocket.Pair();
        using (theirs)
            try
            {
                List<int> keep = [.. options?.Inherited ?? []];
                using var socket = Inheritable(theirs, keep);
                keep.Add(socket.Fd());
                string[] words = [.. command, "swrk", socket.Fd().ToString(CultureInfo.InvariantCulture)];
                return new ClientConnection(ours, isOwnDump ? StartApart(words, keep) : Spawner.Start(Program(words, keep)));
            }
            catch
            {
                ours.Dispose();
                throw;
            }
    }

    /// <summary>At a number that no inherited descriptor has: numbers of those that are open differ from it anyway.</summary>
    private static SafeFileHandle Inheritable(SafeFileHandle socket, List<int> taken)
    {
        long copy = Kernel.Call(Nr.fcntl, socket.Fd(), Fcntl.F_DUPFD_CLOEXEC, Math.Max(3, taken.Count == 0 ? 3 : taken.Max() + 1));
        return Kernel.Failed(copy) ? throw new CheckpointException($"There is no descriptor for the socket of criu: {Errno.Name(copy)}") : Kernel.Own(copy);
    }

    private static ProgramStart Program(string[] words, List<int> keep) => new() { Path = words[0], Arguments = words, Keep = keep };

    /// <summary>
    /// By a shell that ends at once, so that criu is no descendant of ours: init, or the nearest subreaper, becomes its parent. Its session is not ours, as whose number would be taken
    /// as long as it is there.
    /// </summary>
    private static int StartApart(string[] words, List<int> keep)
    {
        const string InBackground = "\"$@\" &";
        var end = Spawner.Run(Program(["sh", "-c", InBackground, "sh", .. words], keep) with { OwnSession = true });
        return end.Succeeded ? 0 : throw new CheckpointException($"{words[0]} cannot be started apart from this process: sh {end}", "A self-dump needs /bin/sh, or a criu service");
    }
}
