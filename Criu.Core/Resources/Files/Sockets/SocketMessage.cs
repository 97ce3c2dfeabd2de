using System.Net;
using Criu.Core.Engine;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>What an image holds of a packet, or of a piece of a stream, that waits in a socket.</summary>
/// <param name="Data">Its bytes.</param>
/// <param name="Rights">File ids of the descriptors that were sent with it.</param>
/// <param name="Sender">Who sent it, where the socket asks for that.</param>
/// <param name="Address">Of datagrams of inet sockets the address that they came from.</param>
internal sealed record SocketMessage(byte[] Data, IReadOnlyList<uint> Rights, PacketSenderEntry? Sender, IPEndPoint? Address)
{
    public static SocketMessage From(SkPacketEntry entry, byte[] data, IReadOnlyDictionary<uint, FileEntry> files)
    {
        var rights = new List<uint>();
        foreach (var control in entry.Scm)
            if (control.Type == Sockets.SCM_RIGHTS)
                rights.AddRange(control.Rights);
            else
                throw new CheckpointException($"a message of control type {control.Type} waits in the socket that is file {entry.IdFor}; restoring that is not supported yet");
        foreach (uint id in rights)
            if (!files.ContainsKey(id))
                throw new CheckpointException($"file {id} waits in the socket that is file {entry.IdFor}, and the images do not have it", "The image directory is damaged: take another dump");
        return rights.Count <= DescriptorMessages.MostOfKernel ? new SocketMessage(data, rights, entry.Credentials, DatagramQueue.SenderOf(entry))
            : throw new CheckpointException($"{rights.Count} descriptors wait in one message in the socket that is file {entry.IdFor}, and there can be {DescriptorMessages.MostOfKernel}",
                "The image directory is damaged: take another dump");
    }
}
