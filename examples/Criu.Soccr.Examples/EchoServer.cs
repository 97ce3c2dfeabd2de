using System.Net;
using System.Net.Sockets;

/// <summary>Echoes to many clients. It says its address; a line of standard input ends it, and it leaves its connections to the next.</summary>
static class EchoServer
{
    public static void Run(string folder, bool isNew)
    {
        Socket[] sockets = isNew ? Handover.Restore(folder) : [Listen()];
        Console.WriteLine(sockets[0].LocalEndPoint);
        var clients = sockets[1..].ToList();
        Echo(sockets[0], clients, Task.Run(Console.ReadLine));
        Handover.Save(sockets[0], clients, folder);
    }

    private static Socket Listen()
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(50);
        return listener;
    }

    /// <summary>One client at a time, as they are ready. When it returns no call is under way on any socket.</summary>
    private static void Echo(Socket listener, List<Socket> clients, Task ended)
    {
        byte[] buffer = new byte[100_000];
        while (!ended.IsCompleted)
        {
            if (listener.Poll(10_000, SelectMode.SelectRead))
                clients.Add(listener.Accept());
            foreach (var client in clients)
                if (client.Available > 0)
                    client.Send(buffer.AsSpan(0, client.Receive(buffer)));
        }
    }
}
