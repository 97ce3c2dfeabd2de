using System.Diagnostics;
using Criu.Core.Rpc.Proto;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Rpc;

/// <summary>
/// Accepts the clients of a service. Questions that concern no process are answered here; whoever asks for more is handed to a worker, a process of its own, with the request still
/// unread: what it does can harm that worker alone. A client that has asked nothing yet costs a descriptor, and not for ever.
/// </summary>
public sealed unsafe class RpcListener
{
    private const int MaxWorkers = 64, MaxWorkersOfUser = 16, MaxClients = 256, MaxClientsOfUser = 64, PatienceSeconds = 600;

    private readonly SafeFileHandle listener;
    private readonly Func<int, int> startWorker;
    private readonly Action<string> complain;
    private readonly List<(int Pid, SafeFileHandle Handle, uint User)> workers = [];
    private readonly List<(RpcChannel Channel, long Since)> clients = [];
    private readonly HashSet<RpcChannel> waiting = [];               // whose requests stay where they are until a worker has ended
    private readonly PollEntry[] entries = new PollEntry[MaxWorkers + MaxClients + 1];

    private RpcListener(SafeFileHandle listener, Func<int, int> startWorker, Action<string> complain) =>
        (this.listener, this.startWorker, this.complain) = (listener, startWorker, complain);

    /// <summary>Serves for ever.</summary>
    /// <param name="listener">A unix socket of type SOCK_SEQPACKET that listens. No worker inherits it.</param>
    /// <param name="startWorker">Starts a process that inherits the descriptor of this number and calls <see cref="RpcServer.Serve(int, RpcHost, bool)"/>; answers its pid.</param>
    /// <param name="complain">Logs one sentence.</param>
    public static void Run(SafeFileHandle listener, Func<int, int> startWorker, Action<string> complain)
    {
        var service = new RpcListener(listener, startWorker, complain);
        while (true)
            service.Turn();
    }

    /// <summary>Waits for the end of a worker, for a request, or for a client. With no room for more, clients wait in the queue of the socket, and requests in theirs.</summary>
    private void Turn()
    {
        int ofWorkers = workers.Count, ofClients = clients.Count, count = 0;
        foreach (var (_, handle, _) in workers)
            entries[count++] = new PollEntry { Fd = handle.Fd(), Events = Poll.POLLIN };
        foreach (var (channel, _) in clients)
            entries[count++] = new PollEntry { Fd = waiting.Contains(channel) ? -1 : channel.Fd, Events = Poll.POLLIN };       // poll passes over -1
        if (ofClients < MaxClients)
            entries[count++] = new PollEntry { Fd = listener.Fd(), Events = Poll.POLLIN };
        fixed (PollEntry* start = entries)
            Kernel.Call(Nr.poll, (long)start, count, ofClients == 0 ? -1 : 1000);
        for (int i = ofClients - 1; i >= 0; i--)
            if (entries[ofWorkers + i].Found == 0 ? IsTooLate(clients[i]) : !Hear(clients[i].Channel))
                Forget(i);
            else if (entries[ofWorkers + i].Found != 0)
                clients[i] = (clients[i].Channel, Stopwatch.GetTimestamp());
        for (int i = ofWorkers - 1; i >= 0; i--)
            if (entries[i].Found != 0)
                Reap(i);
        if (ofClients < MaxClients && entries[count - 1].Found != 0)
            Accept();
    }

    private bool IsTooLate((RpcChannel Channel, long Since) client)
    {
        if (Stopwatch.GetElapsedTime(client.Since).TotalSeconds < PatienceSeconds)
            return false;
        complain($"Process {client.Channel.Peer.Pid} is left: for {PatienceSeconds} seconds it has {(waiting.Contains(client.Channel) ? "waited for one of all the workers" : "asked nothing")}");
        return true;
    }

    private void Forget(int index)
    {
        waiting.Remove(clients[index].Channel);
        clients[index].Channel.Dispose();
        clients.RemoveAt(index);
    }

    private void Reap(int index)
    {
        int status;
        Kernel.Call(Nr.wait4, workers[index].Pid, (long)(&status), 0, 0);
        workers[index].Handle.Dispose();
        workers.RemoveAt(index);
        waiting.Clear();
    }

    /// <summary>Answers whether the client stays with us.</summary>
    private bool Hear(RpcChannel client)
    {
        if (client.HasEnded())
            return false;
        if (client.PeekType() is { } type && RpcQuestions.Is(type))
            return AnswerQuestion(client);
        if (workers.Count >= MaxWorkers)
        {
            waiting.Add(client);
            return true;
        }
        HandOver(client);
        return false;
    }

    private bool AnswerQuestion(RpcChannel client)
    {
        try
        {
            var request = client.Receive();
            return request != null && client.SendAtOnce(RpcQuestions.Answer(request)) && request.KeepOpen;
        }
        catch (Exception exception)                      // whatever it is, there are others to serve
        {
            complain($"Process {client.Peer.Pid}: {exception.Message}");
            client.SendAtOnce(RpcErrors.Failure(CriuReqType.FeatureCheck, exception.Message, RpcErrors.NumberOf(exception)));
            return false;
        }
    }

    private void Accept()
    {
        long accepted = Kernel.Call(Nr.accept4, listener.Fd(), 0, 0, Sockets.SOCK_CLOEXEC);
        if (Kernel.Failed(accepted))
        {
            if (-accepted is not (Errno.ECONNABORTED or Errno.EAGAIN))
            {
                complain($"A client cannot be accepted: {Errno.Name(accepted)}");
                Thread.Sleep(100);                       // out of descriptors or memory: it would fail again at once
            }
            return;
        }
        var client = RpcChannel.Of(Kernel.Own(accepted));
        client.LimitWaiting(PatienceSeconds);
        if (client.Peer.User == 0 || clients.Count(other => other.Channel.Peer.User == client.Peer.User) < MaxClientsOfUser)
        {
            clients.Add((client, Stopwatch.GetTimestamp()));
            return;
        }
        Refuse(client, $"User {client.Peer.User} has {MaxClientsOfUser} connections that ask nothing");
        client.Dispose();
    }

    private void HandOver(RpcChannel client)
    {
        try
        {
            Start(client);
        }
        catch (Exception exception)
        {
            Refuse(client, exception.Message);
        }
    }

    private void Start(RpcChannel client)
    {
        uint user = client.Peer.User;
        if (user != 0 && workers.Count(worker => worker.User == user) >= MaxWorkersOfUser)
            throw new CheckpointException($"User {user} has {MaxWorkersOfUser} requests under way", "Wait for one of them");
        int pid = startWorker(client.Fd);
        long handle = Kernel.Call(Nr.pidfd_open, pid);
        if (Kernel.Failed(handle))
            throw new CheckpointException($"The worker, process {pid}, cannot be watched: {Errno.Name(handle)}");
        workers.Add((pid, Kernel.Own(handle), user));
    }

    private void Refuse(RpcChannel client, string reason)
    {
        complain($"Process {client.Peer.Pid} cannot be served: {reason}");
        client.TakeOff();
        client.SendAtOnce(RpcErrors.Failure(CriuReqType.Empty, reason, Errno.EAGAIN));
    }
}
