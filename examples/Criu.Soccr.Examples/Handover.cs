using System.Net.Sockets;
using Criu.Soccr;

static class Handover
{
    public static void Save(Socket listener, IReadOnlyList<Socket> clients, string folder)
    {
        using var held = NftablesLock.CreatePersistent("my-server");           // stays when this process ends
        var options = new SoccrOptions { Lock = held };
        using var paused = TcpConnection.PauseAll([listener, .. clients], options);
        var states = paused.Save();
        for (int i = 0; i < states.Length; i++)
            File.WriteAllBytes(Path.Combine(folder, $"{i}.tcp"), states[i].ToBytes());
        paused.Leave();                                                        // no FIN, no reset; the sockets are disposed
    }

    public static Socket[] Restore(string folder)
    {
        using var held = NftablesLock.Open("my-server");
        var options = new SoccrOptions { Lock = held };
        int count = Directory.GetFiles(folder, "*.tcp").Length;
        var states = Enumerable.Range(0, count).Select(i => TcpConnectionState.FromBytes(File.ReadAllBytes(Path.Combine(folder, $"{i}.tcp")))).ToArray();
        using var restored = TcpConnection.RestoreAll(states, options);
        var sockets = restored.Resume();                                       // ordinary sockets, the listener first
        held.Remove();
        return sockets;
    }
}
