using Criu.Core.Rpc.Proto;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Rpc;

/// <summary>
/// Accepts the clients of a service and gives each to a worker, a process of its own. No message is read here: what a client sends can harm its worker alone.
/// </summary>
public sealed unsafe class RpcListener
{
    private const int MaxWorkers = 64, MaxWorkersOfUser = 16, PatienceSeconds = 600;
    private const short POLLIN = 1;

    private readonly SafeFileHandle listener;
    private readonly Func<int, int> startWorker;
    private readonly Action<string> complain;
    private readonly List<(int Pid, SafeFileHandle Handle, uint User)> workers = [];

    private RpcListener(SafeFileHandle listener, Func<int, int> startWorker, Action<string> complain) =>
        (this.listener, this.startWorker, this.complain) = (listener, startWorker, complain);

    /// <summary>Serves for ever.</summary>
    /// <param name="listener">A unix socket of type SOCK_SEQPACKET that listens. No worker inherits it.</param>
    /// <param name="startWorker">Starts a process that inherits the descriptor of this number and calls <see cref="RpcServer.Serve"/>; answers its pid.</param>
    /// <param name="complain">Logs one sentence.</param>
    public static void Run(SafeFileHandle listener, Func<int, int> startWorker, Action<string> complain)
    {
        var service = new RpcListener(listener, startWorker, complain);
        while (true)
            service.Turn();
    }

    /// <summary>Waits for a client or for the end of a worker. With all workers busy, clients wait in the queue of the socket.</summary>
    private void Turn()
    {
        var entries = stackalloc PollEntry[MaxWorkers + 1];
        for (int i = 0; i < workers.Count; i++)
            entries[i] = new PollEntry { Fd = workers[i].Handle.Fd(), Events = POLLIN };
        int count = workers.Count;
        if (count < MaxWorkers)
            entries[count++] = new PollEntry { Fd = listener.Fd(), Events = POLLIN };
        Kernel.Call(Nr.poll, (long)entries, count, -1);
        bool hasClient = count > workers.Count && entries[count - 1].Found != 0;
        for (int i = workers.Count - 1; i >= 0; i--)
            if (entries[i].Found != 0)
                Reap(i);
        if (hasClient)
            Accept();
    }

    private void Reap(int index)
    {
        int status;
        Kernel.Call(Nr.wait4, workers[index].Pid, (long)(&status), 0, 0);
        workers[index].Handle.Dispose();
        workers.RemoveAt(index);
    }

    private void Accept()
    {
        long accepted = Kernel.Call(Nr.accept4, listener.Fd(), 0, 0, Sockets.SOCK_CLOEXEC);
        if (Kernel.Failed(accepted))
        {
            if (-accepted is not (Errno.ECONNABORTED or Errno.EAGAIN))
            {
                complain($"A client cannot be accepted: {Errno.Name(accepted)}");
                Thread.Sleep(100);                   // out of descriptors or memory: it would fail again at once
            }
            return;
        }
        using var client = Kernel.Own(accepted);
        try
        {
            Start(client);
        }
        catch (Exception exception)
        {
            complain($"A client cannot be served: {exception.Message}");
            Refuse(client, exception.Message);
        }
    }

    private void Start(SafeFileHandle client)
    {
        var peer = RpcPeer.Of(client);
        if (peer.User != 0 && workers.Count(worker => worker.User == peer.User) >= MaxWorkersOfUser)
            throw new CheckpointException($"User {peer.User} has {MaxWorkersOfUser} requests under way", "Wait for one of them");
        long* patience = stackalloc long[] { PatienceSeconds, 0 };       // struct timeval: a client that says nothing shall not hold its worker for ever
        Kernel.Call(Nr.setsockopt, client.Fd(), Sockets.SOL_SOCKET, Sockets.SO_RCVTIMEO, (long)patience, 2 * sizeof(long));
        const long F_DUPFD = 0;
        long inherited = Kernel.Call(Nr.fcntl, client.Fd(), F_DUPFD, 3);
        if (Kernel.Failed(inherited))
            throw new CheckpointException($"There is no descriptor for its worker: {Errno.Name(inherited)}");
        using var copy = Kernel.Own(inherited);
        int pid = startWorker(copy.Fd());
        long handle = Kernel.Call(Nr.pidfd_open, pid);
        if (Kernel.Failed(handle))
            throw new CheckpointException($"The worker, process {pid}, cannot be watched: {Errno.Name(handle)}");
        workers.Add((pid, Kernel.Own(handle), peer.User));
    }

    private static void Refuse(SafeFileHandle client, string reason)
    {
        using var channel = RpcChannel.Of(client);
        channel.Send(new CriuResp { Type = CriuReqType.Empty, Success = false, CrErrmsg = reason, CrErrno = Errno.EAGAIN });
    }

    /// <summary>struct pollfd, poll(2).</summary>
    private struct PollEntry
    {
        public int Fd;
        public short Events, Found;
    }
}
